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


def _check_kind(kind: str) -> None:
    if kind not in TUBE_KINDS:
        raise ValueError(f'tube kind must be one of {TUBE_KINDS}, but got {kind!r}')
