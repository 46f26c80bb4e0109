"""Frame selection of Table 5: local text, global video, with Sinkhorn.

As `ours_tiny`.
"""

from mmengine.config import read_base

with read_base():
    from ..ours_tiny import *

from stgr.models.selectors import SinkhornSelector

model.selector = dict(type=SinkhornSelector, count=2, video='frame', text='words')
