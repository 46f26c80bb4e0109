"""The steps from an item of a data set to what a model is given, one class each."""

from stgr.datasets.transforms.clip_transform import ClipTransform
from stgr.datasets.transforms.load_audio import LoadAudio
from stgr.datasets.transforms.load_features import LoadFeatures
from stgr.datasets.transforms.load_video_frames import LoadVideoFrames
from stgr.datasets.transforms.pack_clip import PackClip
from stgr.datasets.transforms.sample_clip import SampleClip

__all__ = [
    'ClipTransform',
    'LoadAudio',
    'LoadFeatures',
    'LoadVideoFrames',
    'PackClip',
    'SampleClip',
]
