"""Tubes as sets of frames, and how far a predicted one covers a true one."""

from dataclasses import dataclass

import numpy as np

from stgr.evaluation.functional.arrays import FloatArray, IntArray
from stgr.evaluation.functional.place_facts import PlaceFacts

TUBE_KINDS = ('class', 'instance')
OVERLAPS = ('volume', 'mean_union', 'tiou_siou')


@dataclass(frozen=True)
class FrameTube:
    """Frames of one label in one video.

    Args:
        label: Index in the video's pool.
        frames: Frame numbers, (N,), ascending, N >= 1.
    """

    label: int
    frames: IntArray


def predicted_tubes(labels: IntArray, *, kind: str = 'class', gap: int = 0) -> list[FrameTube]:
    """Return the tubes of predicted labels (benchmarks, section 3 (d) and 3.1 (d)).

    Args:
        labels: (T,), -1 is background and makes no tube.
        kind: ``'class'``: all frames of a label are one tube; ``'instance'``: its runs are.
        gap: For instances: two runs of one label join when at most this many frames lie between
            them, whatever those are labelled; the frames between do not enter the tube.

    Returns:
        Tubes ordered by label, then time.

    Raises:
        ValueError: If the kind is unknown or the gap negative.
    """
    _check_kind(kind)
    if gap < 0:
        raise ValueError(f'gap counts frames and must be >= 0, but got {gap}')
    tubes = []
    for label in np.unique(labels[labels >= 0]):
        frames = np.flatnonzero(labels == label)
        longest = gap + 1 if kind == 'instance' else len(labels)
        cuts = np.flatnonzero(np.diff(frames) > longest) + 1
        tubes += [FrameTube(int(label), part) for part in np.split(frames, cuts)]
    return tubes


def true_tubes(labels: IntArray, instances: IntArray, *, kind: str = 'class') -> list[FrameTube]:
    """Return the annotated tubes: one per label, or one per instance.

    Args:
        labels: (T,), -1 is background.
        instances: Instance of each frame, (T,), -1 belongs to no tube; one instance has one label.
        kind: ``'class'`` or ``'instance'``.

    Returns:
        Tubes ordered by label or by instance.

    Raises:
        ValueError: If the kind is unknown.
    """
    _check_kind(kind)
    if kind == 'class':
        return predicted_tubes(labels)
    numbers = np.unique(instances[(instances >= 0) & (labels >= 0)])
    groups = [np.flatnonzero((instances == number) & (labels >= 0)) for number in numbers]
    return [FrameTube(int(labels[frames[0]]), frames) for frames in groups]


def instances_from_segments(
    labels: IntArray, times_sec: FloatArray, segments: list[tuple[float, float, int]]
) -> IntArray:
    """Return which segment each labelled frame belongs to.

    A frame belongs to the first segment of its own label with ``start <= time <= end`` (both ends
    inclusive, as annotated seconds); segments with ``end <= start`` are skipped. Source:
    benchmarks, sections 1.3, 2 and 3.1.

    Args:
        labels: (T,), -1 is background.
        times_sec: (T,).
        segments: ``(start_sec, end_sec, label)``; a label of -1 matches nothing.

    Returns:
        Segment number of each frame, (T,), -1 where there is none.
    """
    instances = np.full(len(labels), -1, np.int64)
    for number, (start_sec, end_sec, label) in enumerate(segments):
        if end_sec <= start_sec or label < 0:
            continue
        inside = (times_sec >= start_sec) & (times_sec <= end_sec) & (labels == label)
        instances[inside & (instances < 0)] = number
    return instances


def tube_overlap(
    predicted: IntArray, truth: IntArray, places: PlaceFacts, *, overlap: str = 'volume'
) -> float:
    """Return how well a predicted tube covers a true tube of the same label and video.

    With D, S the frame sets, M_t the predicted area and B_t the true box: ``'volume'``
    ``sum_t |M_t n B_t| / sum_t |M_t u B_t|`` over D u S (what a frame lacks counts as empty);
    ``'mean_union'`` ``sum_{t in D n S} IoU_t / |D u S|`` (vIoU); ``'tiou_siou'`` temporal IoU of
    the frame sets times the mean IoU over D n S, the same number by algebra. Source: benchmarks,
    section 3 (d) and 3.1 (d).

    Args:
        predicted: D, frame numbers, (N,), ascending.
        truth: S, likewise, (M,).
        places: Predicted places against true boxes, frame by frame.
        overlap: One of the names above.

    Returns:
        In [0, 1].

    Raises:
        ValueError: If the overlap is unknown.
    """
    if overlap not in OVERLAPS:
        raise ValueError(f'overlap must be one of {OVERLAPS}, but got {overlap!r}')
    common = predicted[np.isin(predicted, truth, assume_unique=True)]
    if not len(common):
        return 0.0
    if overlap != 'volume':
        num_union = len(predicted) + len(truth) - len(common)
        return float(places.iou[common].sum() / num_union)
    shared = places.common_px[common].sum()
    union = places.place_px[predicted].sum() + places.box_px[truth].sum() - shared
    return float(shared / union) if union > 0 else 0.0


@dataclass(frozen=True)
class TubePairs:
    """Predicted and true tubes of one label that share a frame, pair by pair.

    Args:
        predicted: Number of the predicted tube, (K,), ascending.
        truth: Number of the true tube, (K,), ascending within a predicted tube.
        overlaps: See ``tube_overlap``, (K,).
    """

    predicted: IntArray
    truth: IntArray
    overlaps: FloatArray


def overlap_tubes(
    predicted: list[FrameTube],
    truths: list[FrameTube],
    places: PlaceFacts,
    *,
    overlap: str = 'volume',
) -> TubePairs:
    """Return ``tube_overlap`` of every pair of one label that shares a frame, all at once.

    Pairs that share none overlap by 0 and are left out.

    Args:
        predicted: Tubes of one video, of which no two share a frame.
        truths: Likewise.
        places: Predicted places against true boxes, frame by frame.
        overlap: See ``tube_overlap``.

    Raises:
        ValueError: If the overlap is unknown.
    """
    if overlap not in OVERLAPS:
        raise ValueError(f'overlap must be one of {OVERLAPS}, but got {overlap!r}')
    num_frames, num = len(places.box_px), len(truths)
    ours, theirs = _tube_of(predicted, num_frames), _tube_of(truths, num_frames)
    labels = np.asarray([tube.label for tube in predicted] + [-1], np.int64)
    true_labels = np.asarray([tube.label for tube in truths] + [-2], np.int64)
    shared = np.flatnonzero((ours >= 0) & (theirs >= 0) & (labels[ours] == true_labels[theirs]))
    keys, pair_of = np.unique(ours[shared] * max(num, 1) + theirs[shared], return_inverse=True)
    first, second = keys // max(num, 1), keys % max(num, 1)

    def total(values: FloatArray) -> FloatArray:
        sums = np.bincount(pair_of, weights=values[shared], minlength=len(keys))
        return np.asarray(sums, np.float64)

    if overlap != 'volume':
        lengths = np.asarray([len(tube.frames) for tube in predicted], np.int64)[first]
        true_lengths = np.asarray([len(tube.frames) for tube in truths], np.int64)[second]
        union = lengths + true_lengths - total(np.ones(num_frames))
        return TubePairs(first, second, total(places.iou) / union)
    common = total(places.common_px)
    union = _sums(predicted, places.place_px)[first] + _sums(truths, places.box_px)[second] - common
    overlaps = np.divide(common, union, out=np.zeros(len(keys)), where=union > 0)
    return TubePairs(first, second, overlaps)


def _tube_of(tubes: list[FrameTube], num_frames: int) -> IntArray:
    """Return the number of the tube of each frame, -1 where there is none."""
    numbers = np.full(num_frames, -1, np.int64)
    for number, tube in enumerate(tubes):
        numbers[tube.frames] = number
    return numbers


def _sums(tubes: list[FrameTube], areas: FloatArray) -> FloatArray:
    return np.asarray([areas[tube.frames].sum() for tube in tubes], np.float64)


def _check_kind(kind: str) -> None:
    if kind not in TUBE_KINDS:
        raise ValueError(f'tube kind must be one of {TUBE_KINDS}, but got {kind!r}')
