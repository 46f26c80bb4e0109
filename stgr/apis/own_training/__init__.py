"""Train on prepared videos: which config, which data, and what came of it."""

from stgr.apis.own_training.own_data import OwnData
from stgr.apis.own_training.run import OwnTraining, train_on

__all__ = ['OwnData', 'OwnTraining', 'train_on']
