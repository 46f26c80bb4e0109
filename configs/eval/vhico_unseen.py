"""Where, on V-HICO's images of actions that its training videos do not show."""

from mmengine.config import read_base

with read_base():
    from .vhico import *

test_dataloader.dataset.split = 'unseen'
