"""Frame selection by CLIP's own features, as in the released code, not by the projections."""

from mmengine.config import read_base

with read_base():
    from ..ours_tiny import *

model.select_projected = False
