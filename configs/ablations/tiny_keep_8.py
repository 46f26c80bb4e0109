"""8 of the candidate frames kept, not 2."""

from mmengine.config import read_base

with read_base():
    from ..ours_tiny import *

model.selector.count = 8
