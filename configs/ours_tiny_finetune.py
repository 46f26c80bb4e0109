"""`ours_tiny` with a CLIP that learns along, from pixels: stored features would be outdated."""

from mmengine.config import read_base

with read_base():
    from .ours_tiny import *

from stgr.datasets.transforms import LoadVideoFrames, PackClip, SampleClip
from stgr.engine import LayerDecayOptimWrapperConstructor

_frames = dict(type=LoadVideoFrames, size=(112, 112))  # the input of clip_tiny
_test_pipeline = [_frames, dict(type=PackClip)]
train_dataloader.dataset.pipeline = [
    dict(type=SampleClip, candidates=16, fps=1),  # the same 16 seconds for half the time
    _frames,
    dict(type=PackClip),
]
train_dataloader.num_workers = 1  # decodes the next batch meanwhile
val_dataloader.dataset.pipeline = _test_pipeline
test_dataloader.dataset.pipeline = _test_pipeline

model.backbone.frozen = False
# A tenth of the global head's rate at the top of each tower, a fortieth of that in the stem of the
# video tower: 1400 narrations must not undo what 640,000 pictures taught.
optim_wrapper.constructor = LayerDecayOptimWrapperConstructor
optim_wrapper.paramwise_cfg = dict(
    layer_decay=0.75,
    custom_keys=dict(backbone=dict(lr_mult=0.1), local_head=dict(lr_mult=100)),
)
