"""The mean picture of a set of videos, to lay maps over."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stgr.datasets.video_folder import VideoFolder

MAX_VIDEOS = 40
FRAMES_PER_VIDEO = 6
SIZE_PX = (320, 240)


def mean_frame(
    videos_dir: str | Path, video_ids: Sequence[str]
) -> tuple[NDArray[np.uint8] | None, int]:
    """Return the mean of a few frames of at most forty videos, spread evenly over the list.

    A video that is not there or cannot be read is passed over: the picture is decoration.

    Args:
        videos_dir: Folder of files ``<video_id>.<suffix>``.
        video_ids: The videos.

    Returns:
        RGB picture, (240, 320, 3) uint8, None if no video could be read; and how many were.

    Raises:
        FileNotFoundError: If there is no such folder.
    """
    from stgr.io import VideoError, open_video

    folder = VideoFolder(Path(videos_dir))
    paths = [path for path in map(folder.path, sorted(video_ids)) if path is not None]
    step = max(1, -(-len(paths) // MAX_VIDEOS))
    total, num_videos = np.zeros((SIZE_PX[1], SIZE_PX[0], 3)), 0
    for path in paths[::step]:
        try:
            with open_video(path) as reader:
                end_sec = reader.facts().duration_sec
                times_sec = (np.arange(FRAMES_PER_VIDEO) + 0.5) * end_sec / FRAMES_PER_VIDEO
                total += reader.read_at(times_sec, SIZE_PX).mean(axis=0)
        except VideoError:
            continue
        num_videos += 1
    if not num_videos:
        return None, 0
    return np.asarray(np.round(total / num_videos), np.uint8), num_videos
