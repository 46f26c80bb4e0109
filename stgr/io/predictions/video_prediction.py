"""What any system says of one video, checked and without regard to the truth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stgr.structures import RunLengths


@dataclass(frozen=True)
class PredictedPlaces:
    """Where a system sees something at each of T moments: one or several of four ways.

    A moment without a place has NaN as point and box, None as mask, an all-zero heat map.

    Args:
        heatmaps: (T, h, w) float64; None: not in the file, likewise below.
        points_px: ``x, y``, (T, 2) float64.
        boxes_px: ``x1, y1, x2, y2``, (T, 4) float64.
        masks: T masks.

    Raises:
        ValueError: If the numbers of moments disagree, a heat map has a negative, NaN or infinite
            value, or a box has x2 < x1 or y2 < y1.
    """

    heatmaps: np.ndarray | None = None
    points_px: np.ndarray | None = None
    boxes_px: np.ndarray | None = None
    masks: tuple[RunLengths | None, ...] | None = None

    def __post_init__(self) -> None:
        if self.heatmaps is not None:
            _check_heatmaps(self.heatmaps)
        if self.boxes_px is not None:
            check_boxes(self.boxes_px)

    @property
    def kind(self) -> str:
        """What counts as the place: 'heatmaps', 'masks', 'boxes' or 'points', the first given."""
        for kind, given in (
            ('heatmaps', self.heatmaps),
            ('masks', self.masks),
            ('boxes', self.boxes_px),
        ):
            if given is not None:
                return kind
        return 'points'


def _check_heatmaps(maps: np.ndarray) -> None:
    if maps.ndim != 3 or 0 in maps.shape[1:]:
        raise ValueError(f'heat maps must be (T, h, w), but are {maps.shape}')
    if not np.isfinite(maps).all():
        bad = int((~np.isfinite(maps)).sum())
        raise ValueError(f'heat maps have {bad} values that are NaN or infinite')
    if maps.size and maps.min() < 0:
        raise ValueError(f'heat maps must be >= 0, but go down to {maps.min():g}')


def check_boxes(boxes_px: np.ndarray) -> None:
    """Raise ``ValueError`` naming the first box with x2 < x1 or y2 < y1; NaN rows are no boxes."""
    inverted = (boxes_px[:, 2] < boxes_px[:, 0]) | (boxes_px[:, 3] < boxes_px[:, 1])
    if inverted.any():
        first = boxes_px[int(np.flatnonzero(inverted)[0])].tolist()
        raise ValueError(
            f'{int(inverted.sum())} boxes have x2 < x1 or y2 < y1, such as {first}; boxes are '
            'x1, y1, x2, y2'
        )


@dataclass(frozen=True)
class VideoPrediction:
    """What a system says of one video, at T moments.

    Args:
        video_id: Name of the video.
        times_sec: The moments, (T,) float64, ascending, seconds.
        labels: Name of the action at each moment, None for background.
        scores: Similarity of the best action at each moment, higher is surer, (T,) float64.
        source: Where it was read, for errors: a file, or file and line.
        places: Where the predicted action is seen; None: not said.
        query_places: Where the true action of each moment is seen, the system having been told
            its name (spatial task); None: not said.
        log_probs: Log-probability of each class, (T, C) float64; None: not said.
        classes: Names of the C classes, background included; None: the order of the protocol.
        frame_size: Width and height of the frame that coordinates are pixels of; None: that of
            the annotation.

    Raises:
        ValueError: If lengths disagree, a number is NaN or infinite, times do not ascend.
    """

    video_id: str
    times_sec: np.ndarray
    labels: Sequence[str | None]
    scores: np.ndarray
    source: str
    places: PredictedPlaces | None = None
    query_places: PredictedPlaces | None = None
    log_probs: np.ndarray | None = None
    classes: tuple[str, ...] | None = None
    frame_size: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        self._check_lengths()
        for name, values in (('times', self.times_sec), ('scores', self.scores)):
            bad = np.flatnonzero(~np.isfinite(values))
            if len(bad):
                self._fail(f'{name} have {len(bad)} values that are NaN or infinite')
        steps = np.diff(self.times_sec)
        if np.any(steps <= 0):
            index = int(np.flatnonzero(steps <= 0)[0])
            first, second = self.times_sec[index : index + 2].tolist()
            what = 'occurs twice' if first == second else f'is followed by second {second:g}'
            self._fail(f'second {first:g} {what}; times must ascend')
        if len(self.times_sec) and self.times_sec[0] < 0:
            self._fail(f'second {self.times_sec[0]:g} lies before the video')
        self._check_log_probs()
        if self.frame_size is not None and not all(0 < side < 1e6 for side in self.frame_size):
            self._fail(f'frame_size must be a width and a height > 0, but is {self.frame_size}')

    def _check_lengths(self) -> None:
        num = len(self.times_sec)
        lengths = {'labels': len(self.labels), 'scores': len(self.scores)}
        if self.log_probs is not None:
            lengths['log-probabilities'] = len(self.log_probs)
        for prefix, places in (('', self.places), ('query ', self.query_places)):
            for name in ('heatmaps', 'points_px', 'boxes_px', 'masks'):
                given = None if places is None else getattr(places, name)
                if given is not None:
                    lengths[prefix + name.removesuffix('_px')] = len(given)
        for name, length in lengths.items():
            if length != num:
                self._fail(f'{length} {name} for {num} seconds')

    def _check_log_probs(self) -> None:
        if self.log_probs is None:
            return
        if self.log_probs.ndim != 2:
            self._fail(f'log-probabilities must be (T, C), but are {self.log_probs.shape}')
        bad = int((~np.isfinite(self.log_probs)).sum())
        if bad:
            self._fail(f'{bad} log-probabilities are NaN or infinite; write log(1e-12) or so for 0')
        if self.classes is not None and len(self.classes) != self.log_probs.shape[1]:
            self._fail(
                f'{len(self.classes)} classes, but log-probabilities of {self.log_probs.shape[1]}'
            )

    def _fail(self, message: str) -> None:
        raise ValueError(f'{self.source}: video {self.video_id!r}: {message}')
