"""Ranked average precision, with the rules of the field named."""

import numpy as np

from stgr.evaluation.functional.arrays import BoolArray, FloatArray, IntArray

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
    levels = _levels(rule)
    first = np.searchsorted(hits / num_truths, levels)  # first rank that reaches the recall
    return float(np.append(envelope, 0.0)[first].sum() / 11)


def average_precisions(
    classes: IntArray,
    scores: FloatArray,
    positive: BoolArray,
    num_truths: IntArray,
    *,
    rule: str = 'all',
) -> FloatArray:
    """Return ``average_precision`` of every class, all at once.

    Only true positives are looked at: between two of them precision falls.

    Args:
        classes: Class of each detection, 0 .. C - 1, (N,).
        scores: (N,).
        positive: True positives, (N,) bool.
        num_truths: Ground truths of each class, (C,).
        rule: See ``average_precision``.

    Returns:
        (C,); NaN where a class has no ground truth.

    Raises:
        ValueError: If the rule is unknown.
    """
    if rule not in RULES:
        raise ValueError(f'AP rule must be one of {RULES}, but got {rule!r}')
    order = np.lexsort((-scores, classes))
    ranked, all_classes = classes[order], np.arange(len(num_truths))
    hits = np.flatnonzero(positive[order])
    of_hit = ranked[hits]
    first_hit = np.searchsorted(of_hit, np.arange(len(num_truths) + 1))
    ranks = hits - np.searchsorted(ranked, all_classes)[of_hit] + 1
    envelope = _envelope((np.arange(len(hits)) - first_hit[of_hit] + 1) / ranks, of_hit)
    truths = np.where(num_truths > 0, num_truths, np.nan)
    if rule == 'all':
        return np.bincount(of_hit, envelope, minlength=len(num_truths)) / truths
    levels, last = _levels(rule), first_hit[1:, None]
    number = np.floor(levels * num_truths[:, None])
    with np.errstate(invalid='ignore'):
        number += number / truths[:, None] < levels  # hits that reach the recall, as a quotient
    reached = first_hit[:-1, None] + np.maximum(number.astype(np.int64), 1) - 1
    found = np.append(envelope, 0.0)[np.where(reached < last, reached, len(envelope))]
    return np.asarray(found.sum(axis=1) / 11 * (truths / truths), np.float64)


def _levels(rule: str) -> FloatArray:
    return np.arange(11) / 10 if rule == '11pt' else np.arange(0, 1, 0.1)


def _envelope(precision: FloatArray, classes: IntArray) -> FloatArray:
    """Return the largest precision from each on within its class; classes ascend.

    Precisions are compared as their ranks, whole numbers, so that nothing is rounded.
    """
    values, rank = np.unique(precision, return_inverse=True)
    rank += len(values) * (classes.max(initial=0) - classes)  # a class before exceeds all behind
    largest = np.maximum.accumulate(rank[::-1])[::-1] % max(len(values), 1)
    return np.asarray(values[largest], np.float64)
