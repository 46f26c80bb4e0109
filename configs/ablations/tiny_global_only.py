"""Only the global branch (Table 6 in miniature): patches are located by the global projections."""

from mmengine.config import read_base

with read_base():
    from ..ours_tiny import *

model.local_head = None
