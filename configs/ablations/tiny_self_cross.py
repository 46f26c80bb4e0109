"""The local head of Table 8: self-attention, cross-attention."""

from mmengine.config import read_base

with read_base():
    from ..ours_tiny import *

from stgr.models.heads import SelfCrossHead

model.local_head.type = SelfCrossHead
