"""`ours_clip` from stored features instead of pixels: a step without decoder and without encoder.

`stgr extract ours_clip_cached` fills the stores first: 5 frames per second with their patches, 0.9
GB per hour of video. A candidate gets the stored frame nearest to it, at most 0.1 s away.
"""

from mmengine.config import read_base

with read_base():
    from .ours_clip import *

from stgr.datasets.transforms import LoadFeatures, PackClip, SampleClip

_TRAIN_STORE = 'data/howto100m/features'
_TEST_STORE = 'data/grounding_youtube/features'

train_pipeline = [
    dict(type=SampleClip, candidates=80, fps=5),  # Sec. 4.2
    dict(type=LoadFeatures, store_dir=_TRAIN_STORE),
    dict(type=PackClip),
]
test_pipeline = [dict(type=LoadFeatures, store_dir=_TEST_STORE), dict(type=PackClip)]
train_dataloader.dataset.pipeline = train_pipeline
val_dataloader.dataset.pipeline = test_pipeline
test_dataloader.dataset.pipeline = test_pipeline
feature_fps = 5.0
feature_layout = 'shards'  # a million videos are not a million files
