"""Video readers: the frame shown at a time, whichever decoder is behind."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np

from stgr.io.closing import Closing
from stgr.io.timeline_cache import known_timelines
from stgr.io.video_scan import scan_video
from stgr.io.video_timeline import VideoTimeline
from stgr.structures import VideoFacts


class VideoReader(Closing, ABC):
    """Reads the frames of one video by time.

    One rule for every reader: the frame shown at time ``t`` is the last one whose presentation
    timestamp is <= ``t`` (the first frame before the video starts, the last one after it ends).
    Times are raw timestamps in seconds: a stream that starts at 3 s has nothing new before 3 s.
    Only those of a recording that starts more than 10 s late count from its start.
    Resizing is shared too, so two readers differ at most by their decoders' colour conversion.

    Open one where it is used and close it: a reader cannot be pickled or inherited by a process.

    Args:
        path: The video file. It is read when first needed, not here.
    """

    name: ClassVar[str]

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self._timeline: VideoTimeline | None = None

    @property
    def timeline(self) -> VideoTimeline:
        """When each frame is shown; known already if the file was read lately and has not changed.

        Raises:
            VideoNotFoundError: If there is no such file.
            VideoError: If no frame of it can be read.
        """
        if self._timeline is None:
            self._timeline = known_timelines.get(self.path) or self._scan()
            known_timelines.put(self.path, self._timeline)
        return self._timeline

    def _scan(self) -> VideoTimeline:
        """Return the timeline as the file tells it."""
        return scan_video(self.path)

    def facts(self) -> VideoFacts:
        """Return what is known about the file, by what is readable rather than by its header.

        Cheap for a healthy file (no full decode). Damage that only shows while frames are read
        is among the warnings of a later call.
        """
        timeline = self.timeline
        return VideoFacts(
            path=self.path,
            width=timeline.width,
            height=timeline.height,
            duration_sec=timeline.end_sec,
            fps=timeline.fps,
            has_audio=timeline.has_audio,
            reader=self.name,
            warnings=timeline.warnings,
        )

    def read_at(self, times_sec: np.ndarray, size: tuple[int, int] | None = None) -> np.ndarray:
        """Return the frames shown at the given times.

        Args:
            times_sec: Times in seconds, (N,), in any order, repeats allowed.
            size: Width and height to squash frames to; None keeps the displayed size.

        Returns:
            RGB frames in the order asked, (N, H, W, 3) uint8.

        Raises:
            ValueError: If a time is not finite or ``size`` is not positive.
            VideoError: If a frame cannot be read.
        """
        times_sec = _check_times(times_sec)
        width, height = _check_size(size) or (self.timeline.width, self.timeline.height)
        order = np.argsort(times_sec, kind='stable')
        frames = np.empty((len(times_sec), height, width, 3), np.uint8)  # (N, H, W, 3)
        for position, frame in zip(order, self._shown(times_sec[order], size), strict=True):
            frames[position] = frame
        return frames

    def stream_at(
        self, times_sec: np.ndarray, size: tuple[int, int] | None = None, chunk: int = 64
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the frames shown at ascending times in one pass, holding one chunk in memory.

        Args:
            times_sec: Times in seconds, (N,), ascending.
            size: Width and height to squash frames to; None keeps the displayed size.
            chunk: Most frames at a time.

        Yields:
            Times (n,) and their RGB frames (n, H, W, 3) uint8, with n <= ``chunk``.

        Raises:
            ValueError: If times are not finite and ascending, or ``chunk`` < 1.
            VideoError: If a frame cannot be read.
        """
        times_sec = _check_times(times_sec)
        if any(later < earlier for earlier, later in pairwise(times_sec)):
            raise ValueError('stream_at reads in one pass: sort times_sec, or use read_at')
        if chunk < 1:
            raise ValueError(f'chunk={chunk} must be at least 1')
        shown = self._shown(times_sec, _check_size(size))
        for start in range(0, len(times_sec), chunk):
            chunk_sec = times_sec[start : start + chunk]
            yield chunk_sec, np.stack([next(shown) for _ in chunk_sec])

    def _shown(self, times_sec: np.ndarray, size: tuple[int, int] | None) -> Iterator[np.ndarray]:
        """Yield one picture per ascending time, decoding and resizing each frame once."""
        size = size or (self.timeline.width, self.timeline.height)
        frame_idx, repeats = np.unique(self.timeline.shown_frames(times_sec), return_counts=True)
        if len(frame_idx) == 0:
            return
        for frame, count in zip(self._decode(frame_idx), repeats, strict=True):
            picture = resize_frame(frame, size)
            for _ in range(count):
                yield picture

    @abstractmethod
    def _decode(self, frame_idx: np.ndarray) -> Iterator[np.ndarray]:
        """Yield full-size RGB frames (H, W, 3) uint8, turned as displayed.

        Args:
            frame_idx: Positions in ``timeline``, (N,) int64, ascending and unique, N >= 1.
        """


def sample_times(start_sec: float, end_sec: float, fps: float) -> np.ndarray:
    """Return evenly spaced times in ``[start_sec, end_sec)``, (F,) float64.

    Each is ``start_sec + k / fps``, computed afresh: adding 1 / fps over and over drifts by a
    frame within minutes. Empty if the span is.

    Args:
        start_sec: First time.
        end_sec: Times stay below it.
        fps: Times per second, > 0.

    Raises:
        ValueError: If ``fps`` is not positive or a bound is not finite.
    """
    if not (fps > 0 and np.isfinite([start_sec, end_sec, fps]).all()):
        raise ValueError(
            f'expected finite bounds and fps > 0, got [{start_sec}, {end_sec}) at fps={fps}'
        )
    count = max(int(np.ceil((end_sec - start_sec) * fps)), 0) + 1
    times_sec = start_sec + np.arange(count) / fps
    return times_sec[times_sec < end_sec]


def resize_frame(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a frame squashed to a size, averaging over areas so that fine detail does not alias.

    Args:
        frame: RGB picture, (H, W, 3) uint8.
        size: Width and height in pixels.
    """
    height, width = frame.shape[:2]
    if (width, height) == tuple(size):
        return frame
    import cv2

    enlarges = size[0] >= width and size[1] >= height  # areas of less than a pixel are blocky
    return cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR if enlarges else cv2.INTER_AREA)


def _check_times(times_sec: np.ndarray) -> np.ndarray:
    times = np.asarray(times_sec, np.float64)
    if times.ndim != 1 or not np.isfinite(times).all():
        raise ValueError(f'times_sec must be finite and of shape (N,), got {times.shape}: {times}')
    return times


def _check_size(size: tuple[int, int] | None) -> tuple[int, int] | None:
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise ValueError(f'size must be (width, height) of at least 1 pixel, got {size}')
    return size
