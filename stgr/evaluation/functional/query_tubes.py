"""tIoU, vIoU and sIoU: one tube for one sentence, as VidSTG and HC-STVG are scored."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stgr.evaluation.functional.arrays import FloatArray, IntArray, mean_or_nan
from stgr.evaluation.functional.boxes import box_areas, intersect_boxes

VIOU_THRESHOLDS = (0.3, 0.5)


@dataclass(frozen=True)
class QueryTube:
    """A predicted and a true tube of one sentence on the frames that are looked at.

    Args:
        query_id: Name of the sentence, unique in an evaluation.
        frames: Numbers of the sampled frames, (S,), ascending (5 fps, at most 200 in TubeDETR).
        pred_span: Predicted ``[start, end)`` in frames.
        true_span: True ``[start, end)`` in frames.
        pred_boxes_px: Predicted box of every sampled frame, (S, 4), also outside the span.
        true_boxes_px: True boxes, (S, 4); read within the true span only.
        group: Kind of sentence, such as ``'declarative'`` or ``'interrogative'`` (VidSTG); None
            if the data set has no kinds.

    Raises:
        ValueError: If a shape, an order or a value is wrong; the message names the sentence.
    """

    query_id: str
    frames: IntArray
    pred_span: tuple[float, float]
    true_span: tuple[float, float]
    pred_boxes_px: FloatArray
    true_boxes_px: FloatArray
    group: str | None = None

    def __post_init__(self) -> None:
        num = len(self.frames)
        for name in ('pred_boxes_px', 'true_boxes_px'):
            boxes = getattr(self, name)
            if boxes.shape != (num, 4):
                self._fail(f'{name} must be ({num}, 4) for {num} frames, but is {boxes.shape}')
        if not np.isfinite(self.pred_boxes_px).all():
            self._fail('pred_boxes_px have NaN or infinite values')
        inside = _within(self.frames, *self.true_span)
        if not np.isfinite(self.true_boxes_px[inside]).all():
            self._fail('true_boxes_px have NaN or infinite values within the true span')
        if not inside.any():
            self._fail(f'no sampled frame lies in the true span {self.true_span}')
        if np.any(np.diff(self.frames) <= 0):
            self._fail('frames must be ascending')
        for name in ('pred_span', 'true_span'):
            start, end = getattr(self, name)
            if not start <= end:
                self._fail(f'{name} must be (start, end) with start <= end, but is {start, end}')

    def _fail(self, message: str) -> None:
        raise ValueError(f'query {self.query_id!r}: {message}')


@dataclass(frozen=True)
class TubeIoU:
    """How well one tube answers its sentence, each in [0, 1].

    Args:
        tiou: Temporal IoU of the continuous intervals, over their convex hull.
        viou: IoU of the boxes over time.
        siou: IoU of the boxes on the true frames, wherever the span lies.
    """

    tiou: float
    viou: float
    siou: float


def tube_iou(query: QueryTube) -> TubeIoU:
    """Return the three overlaps of a tube.

    With intervals ``[s, e)`` (prediction) and ``[s*, e*)``: ``tIoU = max(0, min(e, e*) -
    max(s, s*)) / (max(e, e*) - min(s, s*))``; with S_i the sampled frames in both and S_u those in
    the hull of both, ``vIoU = sum_{S_i} IoU_t / |S_u|``; ``sIoU`` (``gt_viou``) is the mean of
    IoU_t over the sampled frames of the true span. The hull holds the gap between intervals that
    do not meet. Source: TubeDETR's evaluation; benchmarks, section 3 (h). Boxes are areas
    ``(x2 - x1) (y2 - y1)``, not clipped; empty and inverted ones have none.

    Args:
        query: Both tubes.

    Returns:
        The overlaps.
    """
    (start, end), (true_start, true_end) = query.pred_span, query.true_span
    hull = min(start, true_start), max(end, true_end)
    shared = max(start, true_start), min(end, true_end)
    iou = _box_iou(query.pred_boxes_px, query.true_boxes_px)
    within_both = _within(query.frames, *shared)
    num_hull = max(int(_within(query.frames, *hull).sum()), 1)
    return TubeIoU(
        tiou=max(0.0, shared[1] - shared[0]) / (hull[1] - hull[0]),
        viou=float(iou[within_both].sum() / num_hull),
        siou=float(iou[_within(query.frames, true_start, true_end)].mean()),
    )


def score_query_tubes(queries: Sequence[QueryTube]) -> dict[str, float]:
    """Return the scores of a data set of sentences: means over sentences.

    Args:
        queries: Tubes of every sentence.

    Returns:
        ``tiou``, ``viou``, ``siou`` (the field's m_tIoU, m_vIoU and gt_vIoU), ``viou@0.3`` and
        ``viou@0.5`` (share of sentences with vIoU above), ``num_queries``; the same under
        ``GROUP/`` for every group. Fractions; NaN without sentences.

    Raises:
        ValueError: If a sentence comes twice.
    """
    counts = Counter(query.query_id for query in queries)
    twice = next((name for name, count in counts.items() if count > 1), None)
    if twice is not None:
        raise ValueError(f'query {twice!r} is scored more than once')
    overlaps = [tube_iou(query) for query in queries]
    found = score_tube_overlaps(overlaps)
    for group in sorted({query.group for query in queries if query.group is not None}):
        pairs = zip(queries, overlaps, strict=True)
        mine = [overlap for query, overlap in pairs if query.group == group]
        found |= {f'{group}/{key}': value for key, value in score_tube_overlaps(mine).items()}
    return found


def score_tube_overlaps(overlaps: Sequence[TubeIoU]) -> dict[str, float]:
    """Return the means over sentences of ``score_query_tubes``, without groups."""
    vious = [overlap.viou for overlap in overlaps]
    return {
        'tiou': mean_or_nan([overlap.tiou for overlap in overlaps]),
        'viou': mean_or_nan(vious),
        'siou': mean_or_nan([overlap.siou for overlap in overlaps]),
        **{f'viou@{t:g}': mean_or_nan([v > t for v in vious]) for t in VIOU_THRESHOLDS},
        'num_queries': float(len(overlaps)),
    }


def _within(frames: IntArray, start: float, end: float) -> np.ndarray:
    return np.asarray((frames >= start) & (frames < end), np.bool_)


def _box_iou(first_px: FloatArray, second_px: FloatArray) -> FloatArray:
    """Return the IoU of paired boxes, (S,); 0 where both are empty."""
    common = box_areas(intersect_boxes(first_px, second_px))
    union = box_areas(first_px) + box_areas(second_px) - common
    return np.divide(common, union, out=np.zeros(len(common)), where=union > 0)
