"""The global branch averages all candidates, as in the released code."""

from mmengine.config import read_base

with read_base():
    from ..ours_tiny import *

model.global_frames = 'candidates'
