"""Opening a video by the name of a reader."""

from pathlib import Path

import stgr.io.readers  # noqa: F401  registers ours
from stgr.io.video_reader import VideoReader
from stgr.registry import VIDEO_READERS


def open_video(path: str | Path, reader: str = 'pyav') -> VideoReader:
    """Open a video and make sure that at least one frame of it can be read.

    Args:
        path: The video file.
        reader: Registered name: 'pyav' (default), 'decord', 'torchcodec', 'torchcodec_cuda' or
            'isolated'.

    Raises:
        KeyError: If there is no reader of that name.
        ImportError: If the reader's package is not installed; the message is the pip command.
        VideoNotFoundError: If there is no such file.
        VideoError: If it is empty, not a video, without pictures, or no frame is readable.

    Example:
        with open_video('kitchen.mp4') as video:
            frames = video.read_at(sample_times(0, video.facts().duration_sec, fps=1))
    """
    # The registry's own look-up would import torch, which reading does not need.
    readers = VIDEO_READERS.module_dict
    if reader not in readers:
        raise KeyError(f'no video reader {reader!r}; choose one of: {", ".join(sorted(readers))}')
    opened: VideoReader = readers[reader](path)
    opened.timeline  # noqa: B018  unreadable files are refused here, not at the first frame
    return opened
