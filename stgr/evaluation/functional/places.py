"""How a system says where something is: a heat map per frame, a point and a box, or a mask."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stgr.evaluation.functional.arrays import BoolArray, FloatArray
from stgr.structures.run_lengths import RunLengths


@dataclass(frozen=True)
class HeatPlaces:
    """One heat map per frame on the patch grid.

    Args:
        maps: Any non-negative scale, (T, h, w); all zero where nothing is seen.

    Raises:
        ValueError: If the shape is wrong or a value is NaN or infinite.
    """

    maps: FloatArray

    def __post_init__(self) -> None:
        if self.maps.ndim != 3 or 0 in self.maps.shape[1:]:
            raise ValueError(f'heat maps must be (T, h, w), but got {self.maps.shape}')
        if not np.isfinite(self.maps).all():
            raise ValueError('heat maps must be finite, but contain NaN or infinite values')

    def __len__(self) -> int:
        return len(self.maps)

    def chosen(self, frames: BoolArray) -> 'HeatPlaces':
        """Return the places of some frames, (T,) bool."""
        return HeatPlaces(self.maps[frames])


@dataclass(frozen=True)
class BoxPlaces:
    """One point and one box per frame, in pixels of the evaluation frame.

    Args:
        points_px: ``x, y``, (T, 2).
        boxes_px: ``x1, y1, x2, y2``, (T, 4); an empty box (``x2 <= x1``) is "no place".
        scores: Confidence of each box, (T,), used to rank boxes of one class; None means equal.

    Raises:
        ValueError: If shapes disagree or a value is NaN or infinite.
    """

    points_px: FloatArray
    boxes_px: FloatArray
    scores: FloatArray | None = None

    def __post_init__(self) -> None:
        num = len(self.boxes_px)
        if self.points_px.shape != (num, 2) or self.boxes_px.shape != (num, 4):
            raise ValueError(
                f'places need points (T, 2) and boxes (T, 4), but got '
                f'{self.points_px.shape} and {self.boxes_px.shape}'
            )
        if self.scores is not None and self.scores.shape != (num,):
            raise ValueError(f'place scores must be ({num},), but got {self.scores.shape}')
        if not (np.isfinite(self.points_px).all() and np.isfinite(self.boxes_px).all()):
            raise ValueError('points and boxes must be finite, but contain NaN or infinite values')

    def __len__(self) -> int:
        return len(self.boxes_px)

    def chosen(self, frames: BoolArray) -> 'BoxPlaces':
        """Return the places of some frames, (T,) bool."""
        scores = None if self.scores is None else self.scores[frames]
        return BoxPlaces(self.points_px[frames], self.boxes_px[frames], scores)


@dataclass(frozen=True)
class MaskPlaces:
    """One point and one mask per frame.

    Args:
        points_px: ``x, y`` in pixels of the evaluation frame, (T, 2).
        masks: T masks of the whole frame, None is "no place". One of another size than the
            evaluation frame is stretched to it (nearest pixel).

    Raises:
        ValueError: If the numbers disagree or a point is NaN or infinite.
    """

    points_px: FloatArray
    masks: Sequence[RunLengths | None]

    def __post_init__(self) -> None:
        if self.points_px.shape != (len(self.masks), 2):
            raise ValueError(
                f'{len(self.masks)} masks need as many points (T, 2), but got '
                f'{self.points_px.shape}'
            )
        if not np.isfinite(self.points_px).all():
            raise ValueError('points must be finite, but contain NaN or infinite values')

    def __len__(self) -> int:
        return len(self.masks)

    def chosen(self, frames: BoolArray) -> 'MaskPlaces':
        """Return the places of some frames, (T,) bool."""
        masks = [self.masks[frame] for frame in np.flatnonzero(frames).tolist()]
        return MaskPlaces(self.points_px[frames], masks)


Places = HeatPlaces | BoxPlaces | MaskPlaces
