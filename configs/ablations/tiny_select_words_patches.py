"""Frame selection of Table 5: local text, local video, without Sinkhorn."""

from mmengine.config import read_base

with read_base():
    from ..ours_tiny import *

from stgr.models.selectors import TopKSelector

model.selector = dict(type=TopKSelector, count=2, video='patches', text='words')
