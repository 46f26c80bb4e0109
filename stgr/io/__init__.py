"""Files in and out: video readers and writer, captions, feature files, results.

Nothing is imported until it is used, so ``import stgr.io`` loads neither torch nor a decoder.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stgr.io.audio_reader import read_audio
    from stgr.io.captions import Caption, read_captions
    from stgr.io.errors import VideoError, VideoNotFoundError
    from stgr.io.feature_files import FeatureFile
    from stgr.io.feature_writer import write_features
    from stgr.io.restricted_pickle import read_pickle
    from stgr.io.results import load_result, save_result
    from stgr.io.video_opening import open_video
    from stgr.io.video_reader import VideoReader, resize_frame, sample_times
    from stgr.io.video_timeline import VideoTimeline
    from stgr.io.video_writer import VideoWriter, write_video

_HOMES = {
    'Caption': 'captions',
    'FeatureFile': 'feature_files',
    'VideoError': 'errors',
    'VideoNotFoundError': 'errors',
    'VideoReader': 'video_reader',
    'VideoTimeline': 'video_timeline',
    'VideoWriter': 'video_writer',
    'load_result': 'results',
    'open_video': 'video_opening',
    'read_audio': 'audio_reader',
    'read_captions': 'captions',
    'read_pickle': 'restricted_pickle',
    'resize_frame': 'video_reader',
    'sample_times': 'video_reader',
    'save_result': 'results',
    'write_features': 'feature_writer',
    'write_video': 'video_writer',
}

__all__ = [
    'Caption',
    'FeatureFile',
    'VideoError',
    'VideoNotFoundError',
    'VideoReader',
    'VideoTimeline',
    'VideoWriter',
    'load_result',
    'open_video',
    'read_audio',
    'read_captions',
    'read_pickle',
    'resize_frame',
    'sample_times',
    'save_result',
    'write_features',
    'write_video',
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use."""
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'{__name__}.{_HOMES[name]}'), name)
