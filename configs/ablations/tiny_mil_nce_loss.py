"""MIL-NCE for both branches, as in its paper, on scores over the same temperature."""

from mmengine.config import read_base

with read_base():
    from ..ours_tiny import *

from stgr.models.losses import MILNCELoss

model.loss = dict(type=MILNCELoss, temperature=60)
model.local_loss = dict(type=MILNCELoss)
