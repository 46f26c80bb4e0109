"""The background model: how similar a query is to frames that do not show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

LEAST_SPREAD = 1e-6  # of cosines: a query as similar to every frame as to any other


@dataclass(frozen=True)
class BackgroundBank:
    """Features of frames in which no annotated action happens, from many videos.

    Some queries are similar to everything. Their own scores on these frames, asked once per query,
    say by how much: ``(evidence - mean) / standard deviation`` is comparable between queries.

    Args:
        frames: Frame features of the backbone, (N, C) float16.
        patches: Patch features of the same frames, (N, P, C) float16; None for models whose
            similarity does not look at them.
        grid: Rows and columns of the patches.
        video_ids: The video of each frame, (N,).

    Raises:
        ValueError: If there are fewer than two frames or shapes disagree.
    """

    frames: 'Tensor'
    patches: 'Tensor | None'
    grid: tuple[int, int]
    video_ids: tuple[str, ...]

    def __post_init__(self) -> None:
        count = len(self.frames)
        if count < 2 or self.frames.ndim != 2 or len(self.video_ids) != count:
            raise ValueError(
                f'a background bank needs at least two frames (N, C) and the video of each, but '
                f'got {tuple(self.frames.shape)} and {len(self.video_ids)} videos'
            )
        if self.patches is not None and (self.patches.ndim != 3 or len(self.patches) != count):
            raise ValueError(f'{count} frames need patches (N, P, C), got {self.patches.shape}')

    def without(self, video_id: str) -> np.ndarray:
        """Return which frames are of other videos, (N,) bool: a video must not judge itself."""
        return np.asarray([other != video_id for other in self.video_ids])


def normalise(evidence: np.ndarray, on_background: np.ndarray) -> np.ndarray:
    """Return by how many standard deviations of its own a query stands out.

    Args:
        evidence: Of each query, (Q,).
        on_background: Similarity of each query and background frame, (Q, N), N >= 2.

    Returns:
        (Q,) float64.
    """
    mean = on_background.mean(axis=1, dtype=np.float64)
    spread = on_background.std(axis=1, dtype=np.float64)
    found: np.ndarray = (evidence - mean) / np.maximum(spread, LEAST_SPREAD)
    return found


def choose_background(is_background: Sequence[np.ndarray], max_frames: int) -> list[np.ndarray]:
    """Return which frames of each video go into a bank: as many of each, evenly spread.

    Args:
        is_background: Per video, True where no action happens, (F,) bool.
        max_frames: Of all videos together, >= 1.

    Returns:
        Per video, indices of frames, ascending.

    Raises:
        ValueError: If no frame is background or none may be kept.
    """
    if max_frames < 1:
        raise ValueError(f'a bank needs at least one frame, but max_frames={max_frames}')
    if not any(mask.any() for mask in is_background):
        raise ValueError('no frame of the validation videos is background')
    share = max(1, max_frames // max(1, len(is_background)))
    chosen = []
    for mask in is_background:
        frames = np.flatnonzero(mask)
        kept = min(share, len(frames))
        places = ((np.arange(kept) + 0.5) * len(frames) / max(1, kept)).astype(np.int64)
        chosen.append(frames[places])
    return chosen
