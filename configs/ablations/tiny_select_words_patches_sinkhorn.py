"""Frame selection of Table 5: local text, local video, with Sinkhorn."""

from mmengine.config import read_base

with read_base():
    from ..ours_tiny import *

from stgr.models.selectors import SinkhornSelector

model.selector = dict(type=SinkhornSelector, count=2, video='patches', text='words')
