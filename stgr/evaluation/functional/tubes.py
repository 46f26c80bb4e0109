"""Tubes as sets of frames, and how far a predicted one covers a true one."""

from dataclasses import dataclass

import numpy as np

from stgr.evaluation.functional.arrays import FloatArray, IntArray
from stgr.evaluation.functional.place_facts import PlaceFacts

TUBE_KINDS = ('class', 'instance')
OVERLAPS = ('volume', 'mean_union', 'tiou_siou')


@dataclass(frozen=True)
class FrameTubes:
    """Tubes, sets of frames of one label, of which no two share a frame.

    Args:
        labels: Label of each tube, (K,).
        of_frame: Number of the tube of each frame, (T,), -1 where there is none; every tube has a
            frame.
    """

    labels: IntArray
    of_frame: IntArray

    def sums(self, values: FloatArray) -> FloatArray:
        """Return the sum over the frames of each tube, (K,), of values of each frame, (T,)."""
        inside = self.of_frame >= 0
        sums = np.bincount(self.of_frame[inside], values[inside], minlength=len(self.labels))
        return np.asarray(sums, np.float64)

    def means(self, values: FloatArray) -> FloatArray:
        """Return the mean over the frames of each tube, (K,), likewise."""
        return self.sums(values) / self.sums(np.ones(len(values)))


def predicted_tubes(labels: IntArray, *, kind: str = 'class', gap: int = 0) -> FrameTubes:
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
    frames = np.flatnonzero(labels >= 0)
    frames = frames[np.argsort(labels[frames], kind='stable')]
    longest = gap + 1 if kind == 'instance' else len(labels)
    begins = np.ones(len(frames), np.bool_)
    begins[1:] = (np.diff(labels[frames]) != 0) | (np.diff(frames) > longest)
    of_frame = np.full(len(labels), -1, np.int64)
    of_frame[frames] = np.cumsum(begins) - 1
    return FrameTubes(labels[frames[begins]], of_frame)


def true_tubes(labels: IntArray, instances: IntArray, *, kind: str = 'class') -> FrameTubes:
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
    inside = (instances >= 0) & (labels >= 0)
    _, first, number = np.unique(instances[inside], return_index=True, return_inverse=True)
    of_frame = np.full(len(labels), -1, np.int64)
    of_frame[inside] = number
    return FrameTubes(labels[inside][first], of_frame)


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
    if not len(predicted) or not len(truth):
        return 0.0
    common = predicted[truth.take(np.searchsorted(truth, predicted), mode='clip') == predicted]
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
    predicted: FrameTubes, truths: FrameTubes, places: PlaceFacts, *, overlap: str = 'volume'
) -> TubePairs:
    """Return ``tube_overlap`` of every pair of one label that shares a frame, all at once.

    Pairs that share none overlap by 0 and are left out.

    Args:
        predicted: Tubes over T frames.
        truths: Likewise.
        places: Predicted places against true boxes, frame by frame.
        overlap: See ``tube_overlap``.

    Raises:
        ValueError: If the overlap is unknown.
    """
    if overlap not in OVERLAPS:
        raise ValueError(f'overlap must be one of {OVERLAPS}, but got {overlap!r}')
    both = np.flatnonzero((predicted.of_frame >= 0) & (truths.of_frame >= 0))
    first, second = predicted.of_frame[both], truths.of_frame[both]
    alike = predicted.labels[first] == truths.labels[second]
    shared, num = both[alike], max(len(truths.labels), 1)
    pairs, pair_of = np.unique(first[alike] * num + second[alike], return_inverse=True)
    first, second = pairs // num, pairs % num

    def total(values: FloatArray) -> FloatArray:
        sums = np.bincount(pair_of, weights=values[shared], minlength=len(pairs))
        return np.asarray(sums, np.float64)

    if overlap != 'volume':
        ones = np.ones(len(places.box_px))
        union = predicted.sums(ones)[first] + truths.sums(ones)[second] - total(ones)
        return TubePairs(first, second, total(places.iou) / union)
    common = total(places.common_px)
    union = predicted.sums(places.place_px)[first] + truths.sums(places.box_px)[second] - common
    overlaps = np.divide(common, union, out=np.zeros(len(pairs)), where=union > 0)
    return TubePairs(first, second, overlaps)


def _check_kind(kind: str) -> None:
    if kind not in TUBE_KINDS:
        raise ValueError(f'tube kind must be one of {TUBE_KINDS}, but got {kind!r}')
