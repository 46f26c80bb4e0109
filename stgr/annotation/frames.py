"""The pictures that are annotated: one per second, as JPEG."""

import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np

from stgr.annotation.work import WorkVideo
from stgr.io import open_video

JPEG_QUALITY = 92
# Read together: decoding begins at a key frame anyway.
SECONDS_AT_A_TIME = 6
KEPT_PICTURES = 240


class FramePictures:
    """Pictures of the videos' seconds, the last ones kept; several threads may ask.

    Args:
        videos: What is annotated.
    """

    def __init__(self, videos: list[WorkVideo]) -> None:
        self.videos = videos
        self._kept: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._lock = threading.Lock()  # a reader is for one thread at a time

    def jpeg(self, video_idx: int, second: int) -> bytes:
        """Return the frame shown at a second.

        Args:
            video_idx: Position of the video.
            second: Whole seconds from its start, before its end.

        Raises:
            LookupError: If there is no such video or second.
            VideoError: If the frame cannot be read.
        """
        if not 0 <= video_idx < len(self.videos):
            raise LookupError(f'no video {video_idx}; there are {len(self.videos)}')
        video = self.videos[video_idx]
        if not 0 <= second < max(video.duration_sec, 1):
            raise LookupError(f'no second {second} in a video of {video.duration_sec:g} s')
        with self._lock:
            if (video_idx, second) not in self._kept:
                self._read(video_idx, second)
            self._kept.move_to_end((video_idx, second))
            return self._kept[video_idx, second]

    def _read(self, video_idx: int, second: int) -> None:
        video = self.videos[video_idx]
        seconds = np.arange(second, second + SECONDS_AT_A_TIME)
        seconds = seconds[(seconds < video.duration_sec) | (seconds == second)]
        with open_video(Path(video.path)) as reader:
            frames = reader.read_at(seconds.astype(np.float64), size=video.frame_size)
        for each, frame in zip(seconds.tolist(), frames, strict=True):
            self._kept[video_idx, each] = _encode(frame)
        while len(self._kept) > KEPT_PICTURES:
            self._kept.popitem(last=False)


def _encode(frame: np.ndarray) -> bytes:
    import cv2

    blue_first = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
    done, encoded = cv2.imencode('.jpg', blue_first, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise ValueError(f'cannot encode a frame of shape {frame.shape} as JPEG')
    return encoded.tobytes()
