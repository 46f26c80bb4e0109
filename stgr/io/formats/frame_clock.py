"""Seconds to frame numbers and back, for tools that know only frames."""

import math
from dataclasses import dataclass

import numpy as np

from stgr.structures.video_answers import VideoAnswers

# A time computed as frame / fps may fall an ulp short of the frame it means.
TOLERANCE_FRAMES = 1e-6


@dataclass(frozen=True, eq=False)
class FrameClock:
    """Which frame is at which time; frames count from 0.

    With timestamps of all frames it is exact, also for videos whose frames are spaced unevenly;
    without, frame ``i`` is taken to be shown at ``i / fps``.

    Args:
        fps: Average frames per second.
        num_frames: Frames of the video.
        frame_times_sec: Time of each frame, (F,) float64, ascending; None: evenly spaced.

    Raises:
        ValueError: If the rate or the number of frames is not > 0.
    """

    fps: float
    num_frames: int
    frame_times_sec: np.ndarray | None = None

    def __post_init__(self) -> None:
        if not 0 < self.fps < math.inf or self.num_frames < 1:
            raise ValueError(f'no frame rate {self.fps} or no frames ({self.num_frames})')

    def position(self, time_sec: float) -> float:
        """Return where a time lies among the frames: 2.5 is halfway between frames 2 and 3."""
        if self.frame_times_sec is None:
            return time_sec * self.fps
        times = self.frame_times_sec
        if time_sec > times[-1]:
            return float(len(times) - 1 + (time_sec - times[-1]) * self.fps)
        return float(np.interp(time_sec, times, np.arange(len(times))))

    def frames(self, start_sec: float, end_sec: float) -> tuple[int, int]:
        """Return the frames shown within ``[start_sec, end_sec)`` as ``first`` and ``stop``.

        ``stop`` is the first frame that is not inside. A span between two frames gets one frame,
        the nearest that the video has.
        """
        first = math.ceil(self.position(start_sec) - TOLERANCE_FRAMES)
        stop = math.ceil(self.position(end_sec) - TOLERANCE_FRAMES)
        first = min(max(first, 0), self.num_frames - 1)
        return first, min(max(stop, first + 1), self.num_frames)

    def nearest(self, time_sec: float) -> int:
        """Return the frame whose time is nearest."""
        return min(max(math.floor(self.position(time_sec) + 0.5), 0), self.num_frames - 1)

    def time(self, frame: int) -> float:
        """Return when a frame is shown, in seconds; of the one after the last, when it ends."""
        times = self.frame_times_sec
        if times is None:
            return frame / self.fps
        if frame < len(times):
            return float(times[frame])
        return float(times[-1]) + (frame - len(times) + 1) / self.fps


def clock_of(answers: VideoAnswers, frame_times_sec: np.ndarray | None = None) -> FrameClock:
    """Return the clock of a video.

    Args:
        answers: What is known of it.
        frame_times_sec: Time of each of its frames; None: evenly spaced.

    Raises:
        ValueError: If its rate or length is not known.
    """
    if answers.fps is None or answers.duration_sec is None:
        raise ValueError(
            f'{answers.video}: no frame rate and length are known, which tell the number of a '
            'frame; give the video file with --video'
        )
    if frame_times_sec is not None:
        return FrameClock(answers.fps, len(frame_times_sec), frame_times_sec)
    return FrameClock(answers.fps, max(round(answers.duration_sec * answers.fps), 1))
