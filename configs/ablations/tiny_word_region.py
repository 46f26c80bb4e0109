"""A local head without attention: each word against its best patch."""

from mmengine.config import read_base

with read_base():
    from ..ours_tiny import *

from stgr.models.heads import WordRegionHead
from stgr.models.losses import InfoNCELoss

model.local_head = dict(type=WordRegionHead, dim=128, identity_init=True)
model.local_loss = dict(type=InfoNCELoss, temperature=0.07)  # its scores are cosines
optim_wrapper.paramwise_cfg.custom_keys.local_head.lr_mult = 10
