"""Mean pooling of Table 13: a frame is the mean of its patches, not its class token."""

from mmengine.config import read_base

with read_base():
    from ..ours_tiny import *

model.global_head.video = 'patches'
