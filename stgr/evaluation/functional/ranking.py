"""Ranked average precision, with the rules of the field named."""

import numpy as np

from stgr.evaluation.functional.arrays import BoolArray, FloatArray

RULES = ('all', '11pt', 'hico10')


def average_precision(
    scores: FloatArray, positive: BoolArray, num_truths: int, *, rule: str = 'all'
) -> float:
    """Return the average precision of ranked detections of one class.

    Detections are ranked by falling score; equal scores keep their given order. Source:
    benchmarks, section 3 (b) and (d).

    Args:
        scores: (N,).
        positive: True positives, (N,) bool.
        num_truths: Ground truths of the class, >= 1: the denominator of recall.
        rule: ``'all'``: area under the monotone precision envelope (VOC 2010 on); ``'11pt'``:
            mean envelope at recalls 0, 0.1 .. 1 (VOC 2007); ``'hico10'``: V-HICO's released
            script, which looks at recalls ``arange(0, 1, 0.1)`` but divides by 11, so that a
            perfect detector gets 0.909.

    Returns:
        In [0, 1]; 0 without detections.

    Raises:
        ValueError: If the rule is unknown or there is no truth.
    """
    if rule not in RULES:
        raise ValueError(f'AP rule must be one of {RULES}, but got {rule!r}')
    if num_truths < 1:
        raise ValueError(f'average precision needs at least one ground truth, got {num_truths}')
    ranked = np.asarray(positive, np.bool_)[np.argsort(-np.asarray(scores), kind='stable')]
    hits = np.cumsum(ranked)
    precision = hits / np.arange(1, len(ranked) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    if rule == 'all':
        return float(envelope[ranked].sum() / num_truths)
    levels = np.arange(11) / 10 if rule == '11pt' else np.arange(0, 1, 0.1)
    first = np.searchsorted(hits / num_truths, levels)  # first rank that reaches the recall
    return float(np.append(envelope, 0.0)[first].sum() / 11)
