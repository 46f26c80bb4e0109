"""The decord reader: a second opinion where PyAV's answer is in doubt."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from stgr.io.errors import VideoError, missing_package
from stgr.io.video_reader import VideoReader
from stgr.io.video_timeline import VideoTimeline
from stgr.registry import VIDEO_READERS

# decord returns neighbours of the right frames here, with no error.
UNRELIABLE_CONTAINERS = {'avi', 'mpegts'}
# Skipping within open groups makes it return wrong frames: these are read one by one.
MISCOUNTS_AFTER_SEEK = {'hevc'}


@VIDEO_READERS.register_module('decord')
class DecordReader(VideoReader):
    """Reads with decord in one thread (with more it fails on VP9).

    decord counts time from its first frame, in single precision: frames are therefore found by
    their distance from the first one, and checked to lie within half a frame of the timeline.
    It does not read damaged files, AV1, AVI, GIF or MPEG-TS; the default reader does.
    """

    name = 'decord'

    def _decode(self, frame_idx: np.ndarray) -> Iterator[np.ndarray]:
        decord = _import_decord()
        if self.timeline.container in UNRELIABLE_CONTAINERS:
            raise self._refusal(f'its frames of {self.timeline.container} files are not exact')
        try:
            frames = decord.VideoReader(self.path, num_threads=1)
            positions, self._next_position = self._positions(frames, frame_idx), 0
            for position in positions.tolist():
                yield self._go_to(frames, position).asnumpy()
        except (decord.DECORDError, RuntimeError, IndexError) as error:
            raise self._refusal(str(error).strip().splitlines()[-1]) from error

    def _go_to(self, frames: Any, position: int) -> Any:
        """Return the frame at a position after all frames that were read before."""
        if self.timeline.codec not in MISCOUNTS_AFTER_SEEK:
            return frames[position]
        for _ in range(position - self._next_position):
            frames.next()
        self._next_position = position + 1
        return frames.next()

    def _refusal(self, cause: str) -> VideoError:
        return VideoError(
            f"{self.path}: decord cannot read it ({cause}); use reader='pyav', which reads these "
            'and, up to the damage, damaged files'
        )

    def _positions(self, frames: Any, frame_idx: np.ndarray) -> np.ndarray:
        """Return decord's numbers of the wanted frames, (N,) int64."""
        from_start_sec = frames.get_frame_timestamp(range(len(frames)))[:, 0].astype(np.float64)
        return match_frames(self.timeline, frame_idx, from_start_sec - from_start_sec[0], self.path)


def match_frames(
    timeline: VideoTimeline, frame_idx: np.ndarray, from_start_sec: np.ndarray, path: str
) -> np.ndarray:
    """Return which of another decoder's frames are the wanted ones, (N,) int64.

    Args:
        timeline: When frames are shown.
        frame_idx: Wanted frames of the timeline, (N,) int64.
        from_start_sec: The other decoder's times after its first frame, (F,), ascending.
        path: The file, for the message.

    Raises:
        VideoError: If a wanted frame has no counterpart within half a usual frame gap.
    """
    wanted_sec = timeline.times_sec[frame_idx] - timeline.times_sec[0]
    after = np.clip(np.searchsorted(from_start_sec, wanted_sec), 1, max(len(from_start_sec) - 1, 1))
    pair = np.minimum(np.stack([after - 1, after]), len(from_start_sec) - 1)  # (2, N)
    away_sec = np.abs(from_start_sec[pair] - wanted_sec)
    nearest = np.where(away_sec[0] <= away_sec[1], pair[0], pair[1])
    worst = int(away_sec.min(axis=0).argmax())
    if away_sec.min(axis=0)[worst] > _half_gap_sec(timeline):
        raise VideoError(
            f'{path}: the decoder has no frame at {timeline.times_sec[frame_idx[worst]]:.3f} s, '
            "the packets announce one; use reader='pyav'"
        )
    return nearest


def _half_gap_sec(timeline: VideoTimeline) -> float:
    gaps_sec = np.diff(timeline.times_sec)
    return float(gaps_sec.min()) / 2 if len(gaps_sec) else float('inf')


def _import_decord() -> Any:
    try:
        import decord
    except ImportError as error:
        raise missing_package('decord', purpose="reader='decord'") from error
    decord.logging.set_level(decord.logging.QUIET)
    return decord
