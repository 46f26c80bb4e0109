"""Losses on score matrices."""

from stgr.models.losses.base import ScoreLoss
from stgr.models.losses.info_nce_loss import InfoNCELoss
from stgr.models.losses.mil_nce_loss import MILNCELoss
from stgr.models.losses.mms_loss import MMSLoss

__all__ = ['InfoNCELoss', 'MILNCELoss', 'MMSLoss', 'ScoreLoss']
