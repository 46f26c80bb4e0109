"""Choose the candidate frames of a training clip around its narration."""

import difflib
from typing import Any, ClassVar

import numpy as np

from stgr.datasets.transforms.clip_transform import ClipTransform
from stgr.registry import TRANSFORMS

WINDOWS = ('centred', 'inside', 'fixed')


@TRANSFORMS.register_module()
class SampleClip(ClipTransform):
    """Adds the times of U candidate frames, evenly spaced in a window of ``U / fps`` seconds.

    Candidate k stands for the time from ``begin + k / fps`` to the next one. Where the window lies:

    * ``'centred'``: its middle is the middle of the narration, so it reaches beyond short captions
      on both sides (paper Sec. 3.2: frames before and after the narration; the authors' code:
      ``--early_start``).
    * ``'inside'``: it begins somewhere in the narration such that it also ends in it, or, for
      narrations shorter than the window, at their start. Where is random in training (``rng`` of
      the clip) and in the middle without ``rng``. The authors' default, but theirs is whole
      seconds.
    * ``'fixed'``: it begins with the narration (theirs: ``--fix_start``).

    A window is never moved or stretched to fit the video: candidates before 0 or from the end of
    the video on are clamped to it and masked. A clip without any real candidate (a caption past
    the end) cannot be used: the result is None. Without a known duration the video is taken to
    be long enough.

    For a backbone that makes one feature of n frames (S3D: 8) candidates read from pixels are
    frames, and U must be a multiple of n; candidates read from stored features are steps, and
    ``fps`` is their rate: 10 at 5 / 8 per second look at the time of 80 at 5.

    Args:
        candidates: Number of candidate frames U, >= 1.
        fps: Candidates per second.
        window: See above.

    Raises:
        ValueError: If an argument is out of range.
    """

    required_keys: ClassVar[tuple[str, ...]] = ('start_sec', 'end_sec', 'duration_sec')
    added_keys: ClassVar[tuple[str, ...]] = ('frame_times_sec', 'frame_mask')

    def __init__(self, candidates: int = 80, fps: float = 5.0, *, window: str = 'centred') -> None:
        if candidates < 1 or fps <= 0:
            raise ValueError(
                f'SampleClip needs candidates >= 1 and fps > 0, but got {candidates} and {fps}'
            )
        if window not in WINDOWS:
            near = difflib.get_close_matches(window, WINDOWS, n=1) or WINDOWS
            raise ValueError(f'window={window!r} is unknown; did you mean {" or ".join(near)}?')
        self.candidates = candidates
        self.fps = fps
        self.window = window

    def apply(self, results: dict[str, Any]) -> dict[str, Any] | None:
        """Return ``frame_times_sec`` (U,) float64 and ``frame_mask`` (U,) bool."""
        begin_sec = self._begin(results['start_sec'], results['end_sec'], results.get('rng'))
        times_sec = begin_sec + np.arange(self.candidates) / self.fps
        duration_sec = results['duration_sec']
        end_sec = np.inf if duration_sec is None else duration_sec
        mask = (times_sec >= 0) & (times_sec < end_sec)
        if not mask.any():
            return None
        return {'frame_times_sec': times_sec.clip(0, end_sec), 'frame_mask': mask}

    def _begin(self, start_sec: float, end_sec: float, rng: np.random.Generator | None) -> float:
        window_sec = self.candidates / self.fps
        if self.window == 'centred':
            return (start_sec + end_sec - window_sec) / 2
        if self.window == 'fixed':
            return start_sec
        slack_sec = max(0.0, end_sec - start_sec - window_sec)
        return start_sec + slack_sec * (0.5 if rng is None else rng.random())

    def __repr__(self) -> str:
        return f'SampleClip(candidates={self.candidates}, fps={self.fps:g}, window={self.window!r})'
