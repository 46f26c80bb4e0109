"""Frame selection: random frames, the control of all others."""

from mmengine.config import read_base

with read_base():
    from ..ours_tiny import *

from stgr.models.selectors import RandomSelector

model.selector = dict(type=RandomSelector, count=2)
