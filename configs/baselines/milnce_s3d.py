"""MIL-NCE (Miech et al., CVPR 2020): S3D-G against the narration, nothing local.

Places are where the cells of the grid are most similar to the query. Its released weights, see
ours_s3d, are where training starts.
"""

from mmengine.config import read_base

with read_base():
    from ..ours_s3d import *

from stgr.models.losses import MILNCELoss

model.local_head = None
model.loss = dict(type=MILNCELoss)
