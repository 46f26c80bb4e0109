"""Only the local branch (Table 6 in miniature): frames are scored by the pooled local outputs."""

from mmengine.config import read_base

with read_base():
    from ..ours_tiny import *

model.global_head = None
