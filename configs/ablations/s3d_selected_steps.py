"""The paper's selection for S3D: 16 of 80 frames, which are 2 of 10 steps."""

from mmengine.config import read_base

with read_base():
    from ..ours_s3d import *

from stgr.models.selectors import SinkhornSelector

train_pipeline[0].candidates = 80
model.selector = dict(type=SinkhornSelector, count=2)
train_dataloader.dataset.pipeline = train_pipeline
