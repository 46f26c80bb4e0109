"""The paper's S3D rows: frozen S3D-G and word2vec of MIL-NCE, whose last layers start the head.

`data/s3d` holds `s3d_howto100m.pth` and `dict.npy` as MIL-NCE's authors released them. Eight frames
become one step in time, and each frame of a tested video has the feature of its step, in windows of
16 frames at 1 per second, as in the authors' evaluation. For a feature per second store features:
`LoadFeatures` in `test_pipeline` and `feature_fps = 1.0`, which looks at 8 frames per second.
"""

from mmengine.config import read_base

with read_base():
    from .ours_clip import *

from stgr.models.backbones import S3DBackbone
from stgr.models.heads import MILNCEGlobalHead
from stgr.models.selectors import AllFrames

_RELEASED = 'data/s3d/s3d_howto100m.pth'

model.backbone = dict(type=S3DBackbone, weights=_RELEASED, dictionary='data/s3d/dict.npy')
model.global_head = dict(type=MILNCEGlobalHead, dim=512, weights=_RELEASED)
# 3.2 seconds: two steps, which the authors' code does not choose from.
train_pipeline[0].candidates = 16
ground_fps = 5 / 8  # steps of 8 frames at 5 per second, as in training
model.selector = dict(type=AllFrames)
train_dataloader.batch_size = 96  # in all
train_dataloader.dataset.pipeline = train_pipeline
