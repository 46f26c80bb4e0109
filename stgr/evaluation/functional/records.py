"""What a metric is given: one validated record per video, truth and prediction side by side."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stgr.evaluation.functional.arrays import BoolArray, FloatArray, IntArray
from stgr.evaluation.functional.places import BoxPlaces, HeatPlaces, Places
from stgr.structures import BACKGROUND, BACKGROUND_NAME


@dataclass(frozen=True)
class GroundingRecord:
    """The truth and one system's prediction for every evaluated second of one video.

    Labels are indices into ``pool``; ``BACKGROUND`` (-1) is no action. Frames that are not boxed
    are background (benchmarks, section 2).

    Args:
        video_id: Name of the video, unique in an evaluation.
        pool: Action names that labels index; background is not among them.
        times_sec: Presentation times of the frames, (T,), ascending, seconds.
        gt_labels: True label of each frame, (T,).
        gt_boxes_px: True boxes ``x1, y1, x2, y2`` in pixels of ``frame_size``, (T, 4); ignored
            where the label is background. Empty and inverted boxes are allowed: they are misses.
        frame_size: Width and height, in pixels, of the frame the boxes live in.
        pred_labels: Predicted label of each frame, (T,).
        pred_scores: Similarity of the best pool entry (also where background is predicted),
            higher is surer, (T,).
        pred_places: Where the predicted label is seen; None if the system does not say.
        query_places: Where the true label is seen (known-action task); None if not said.
        gt_instances: Index of the true action instance of each frame, (T,), -1 where there is
            none; None means maximal runs of one label are the instances.
        pred_best_labels: Best pool entry of each frame before the background threshold, (T,);
            None if not said.
        num_asked: So many names, the first of the pool, are asked for: random controls choose from
            them. The others are only true. None: all.

    Raises:
        ValueError: If a shape, a label's range or a value (NaN, infinite) is wrong; the message
            names the video.
    """

    video_id: str
    pool: tuple[str, ...]
    times_sec: FloatArray
    gt_labels: IntArray
    gt_boxes_px: FloatArray
    frame_size: tuple[int, int]
    pred_labels: IntArray
    pred_scores: FloatArray
    pred_places: Places | None = None
    query_places: Places | None = None
    gt_instances: IntArray | None = None
    pred_best_labels: IntArray | None = None
    num_asked: int | None = None

    def __post_init__(self) -> None:
        self._check_pool_and_size()
        self._check_shapes()
        self._check_values()

    @property
    def num_frames(self) -> int:
        """T, the number of evaluated frames."""
        return len(self.times_sec)

    def chosen(self, frames: BoolArray) -> 'GroundingRecord':
        """Return some frames, truth and prediction alike; they become neighbours.

        Args:
            frames: True where a frame stays, (T,) bool.
        """
        arrays: dict[str, Any] = {}
        for name in (
            'times_sec', 'gt_labels', 'gt_boxes_px', 'pred_labels', 'pred_scores', 'gt_instances',
            'pred_best_labels',
        ):  # fmt: skip
            array = getattr(self, name)
            arrays[name] = None if array is None else array[frames]
        for name in ('pred_places', 'query_places'):
            places = getattr(self, name)
            arrays[name] = None if places is None else places.chosen(frames)
        return replace(self, **arrays)

    def _check_pool_and_size(self) -> None:
        twice = sorted({name for name in self.pool if self.pool.count(name) > 1})
        if twice:
            self._fail(f'the pool names {twice} more than once')
        if BACKGROUND_NAME in self.pool:
            self._fail(f'the pool must not contain {BACKGROUND_NAME!r}; it is label {BACKGROUND}')
        if len(self.frame_size) != 2 or min(self.frame_size) < 1:
            self._fail(f'frame_size must be (width, height) in pixels, but got {self.frame_size}')
        if self.num_asked is not None and not 0 <= self.num_asked <= len(self.pool):
            self._fail(f'num_asked must be 0..{len(self.pool)}, but is {self.num_asked}')

    def _check_shapes(self) -> None:
        num = self.num_frames
        shapes = {'gt_labels': (num,), 'gt_boxes_px': (num, 4), 'pred_labels': (num,)}
        shapes |= {'pred_scores': (num,), 'gt_instances': (num,), 'pred_best_labels': (num,)}
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array is not None and array.shape != shape:
                self._fail(f'{name} must be {shape} for {num} times, but got {array.shape}')
        for name in ('pred_places', 'query_places'):
            places = getattr(self, name)
            if places is not None and len(places) != num:
                self._fail(f'{name} must cover {num} frames, but cover {len(places)}')

    def _check_values(self) -> None:
        for name in ('times_sec', 'gt_boxes_px', 'pred_scores'):
            bad = ~np.isfinite(getattr(self, name))
            if bad.any():
                self._fail(f'{name} has {int(bad.sum())} values that are NaN or infinite')
        for name in ('gt_labels', 'pred_labels', 'pred_best_labels'):
            labels = getattr(self, name)
            if labels is None or not len(labels):
                continue
            if labels.min() < BACKGROUND or labels.max() >= len(self.pool):
                self._fail(
                    f'{name} must lie in -1..{len(self.pool) - 1}, '
                    f'but span {labels.min()}..{labels.max()}'
                )
        if np.any(np.diff(self.times_sec) <= 0):
            self._fail('times_sec must be ascending')

    def _fail(self, message: str) -> None:
        raise ValueError(f'video {self.video_id!r}: {message}')


def record_from_mapping(sample: Mapping[str, Any]) -> GroundingRecord:
    """Build a record from the dictionary that a model's evaluation step returns.

    Keys: ``video_id, pool, times, gt_labels, gt_boxes_px, frame_size, pred_labels, pred_scores``;
    the predicted places are either ``heatmaps`` (T, h, w) or ``pred_points_px`` (T, 2) with
    ``pred_boxes_px`` (T, 4); those of the true label ``gt_heatmaps``, or ``query_points_px`` with
    ``query_boxes_px``; ``gt_instances`` and ``pred_best_labels`` are optional; of ``eval_mask``
    (T,) bool only the True frames stay. ``unasked`` names true actions that the pool lacks:
    ``gt_labels`` index ``pool + unasked``, which is the record's pool, and predictions the pool
    alone. CPU tensors are accepted for arrays.

    Args:
        sample: The dictionary; other keys are ignored.

    Returns:
        The validated record.

    Raises:
        KeyError: If a required key is missing; the message lists the missing ones.
        ValueError: If a value is wrong (see ``GroundingRecord``).
    """
    required = ('video_id', 'pool', 'times', 'gt_labels', 'gt_boxes_px', 'frame_size')
    missing = [key for key in (*required, 'pred_labels', 'pred_scores') if key not in sample]
    if missing:
        raise KeyError(f'an evaluation record lacks {missing}; it has {sorted(sample)}')
    num_asked = len(sample['pool'])
    record = GroundingRecord(
        video_id=str(sample['video_id']),
        pool=(*sample['pool'], *sample.get('unasked', ())),
        times_sec=np.asarray(sample['times'], np.float64),
        gt_labels=_labels(sample, 'gt_labels'),
        gt_boxes_px=np.asarray(sample['gt_boxes_px'], np.float64).reshape(-1, 4),
        frame_size=(int(sample['frame_size'][0]), int(sample['frame_size'][1])),
        pred_labels=_asked_labels(sample, 'pred_labels'),
        pred_scores=np.asarray(sample['pred_scores'], np.float64),
        pred_places=_places(sample, 'heatmaps', 'pred'),
        query_places=_places(sample, 'gt_heatmaps', 'query'),
        gt_instances=_labels(sample, 'gt_instances') if 'gt_instances' in sample else None,
        pred_best_labels=(
            _asked_labels(sample, 'pred_best_labels') if 'pred_best_labels' in sample else None
        ),
        num_asked=num_asked,
    )
    scored = sample.get('eval_mask')
    return record if scored is None else record.chosen(np.asarray(scored, np.bool_))


def _labels(sample: Mapping[str, Any], key: str) -> IntArray:
    labels = np.asarray(sample[key])
    if labels.size and not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f'video {sample["video_id"]!r}: {key} must be integers, but got {labels.dtype}'
        )
    return labels.astype(np.int64)


def _asked_labels(sample: Mapping[str, Any], key: str) -> IntArray:
    labels, num_asked = _labels(sample, key), len(sample['pool'])
    if labels.max(initial=BACKGROUND) >= num_asked:
        raise ValueError(
            f'video {sample["video_id"]!r}: {key} must lie in -1..{num_asked - 1}, names that were '
            f'asked for, but span {labels.min()}..{labels.max()}'
        )
    return labels


def _places(sample: Mapping[str, Any], heat_key: str, prefix: str) -> Places | None:
    points, boxes = f'{prefix}_points_px', f'{prefix}_boxes_px'
    if sample.get(heat_key) is not None:
        return HeatPlaces(np.asarray(sample[heat_key], np.float64))
    if sample.get(points) is None and sample.get(boxes) is None:
        return None
    if sample.get(points) is None or sample.get(boxes) is None:
        raise KeyError(f'video {sample["video_id"]!r}: {points} and {boxes} come together')
    return BoxPlaces(np.asarray(sample[points], float), np.asarray(sample[boxes], float))
