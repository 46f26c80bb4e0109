"""Frame selection of Table 5: global text, global video, with Sinkhorn.

One plan for all clips of a batch.
"""

from mmengine.config import read_base

with read_base():
    from ..ours_tiny import *

from stgr.models.selectors import SinkhornSelector

model.selector = dict(type=SinkhornSelector, count=2, video='frame', text='sentence', plan='batch')
