"""Frame selection by the best frame of each word, as most probably in the released code."""

from mmengine.config import read_base

with read_base():
    from ..ours_tiny import *

from stgr.models.selectors import SinkhornSelector

model.selector = dict(type=SinkhornSelector, count=2, ranking='word')
