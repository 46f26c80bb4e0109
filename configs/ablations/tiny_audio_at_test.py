"""Sound in training and in testing (Table 11 in miniature, VAT / VAT)."""

from mmengine.config import read_base

with read_base():
    from .tiny_audio import *

model.audio_at_test = 16.0  # seconds around a frame, as long as a clip of training
_whole_videos = [
    test_pipeline[0],
    dict(type=LoadAudio, frames=None, cache_dir='data/tiny_kitchen/mels'),
    test_pipeline[-1],
]
val_dataloader.dataset.pipeline = _whole_videos
test_dataloader.dataset.pipeline = _whole_videos
