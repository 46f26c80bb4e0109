"""How far a score can be believed: binned score against the share that is right."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stgr.evaluation.functional.arrays import BoolArray, FloatArray, IntArray
from stgr.evaluation.functional.class_scores import point_hits
from stgr.evaluation.functional.frame_facts import FrameFacts
from stgr.structures import BACKGROUND


@dataclass(frozen=True)
class Reliability:
    """Predictions in bins of equal width of their score.

    Args:
        edges: Borders of the bins, (B + 1,).
        counts: Predictions in each bin, (B,).
        scores: Their mean score, (B,), NaN in an empty bin.
        accuracy: Share of them that is right, (B,), likewise.
        error: Expected calibration error ``sum_b n_b / N |accuracy_b - score_b|``; NaN if nothing
            was predicted or a score lies outside [0, 1] and so is no probability.
        num_undefined: Predictions left out because their score was NaN or infinite.
    """

    edges: FloatArray
    counts: IntArray
    scores: FloatArray
    accuracy: FloatArray
    error: float
    num_undefined: int


def bin_reliability(scores: FloatArray, right: BoolArray, *, num_bins: int = 10) -> Reliability:
    """Return how often predictions of similar score are right.

    Bins are half-open ``[a, b)``, the last one closed; they cover [0, 1] if all scores lie there,
    else the range of the scores. Source: Guo et al., "On Calibration of Modern Neural Networks",
    ICML 2017, section 2 (there ``(a, b]``).

    Args:
        scores: (N,).
        right: Whether each prediction is right, (N,) bool.
        num_bins: B, >= 1.

    Returns:
        The bins and the expected calibration error.

    Raises:
        ValueError: If the lengths differ or there is no bin.
    """
    scores, right = np.asarray(scores, np.float64), np.asarray(right, np.bool_)
    if scores.shape != right.shape or scores.ndim != 1 or num_bins < 1:
        raise ValueError(
            f'reliability needs scores (N,), right (N,) and num_bins >= 1, but got {scores.shape}, '
            f'{right.shape} and {num_bins}'
        )
    defined = np.isfinite(scores)
    scores, right = scores[defined], right[defined]
    is_probability = bool(((scores >= 0) & (scores <= 1)).all())
    low, high = (0.0, 1.0) if is_probability else (float(scores.min()), float(scores.max()))
    edges = np.linspace(low, high, num_bins + 1)
    bins = np.clip(np.searchsorted(edges, scores, 'right') - 1, 0, num_bins - 1)
    counts = np.bincount(bins, minlength=num_bins)
    means = _ratio(np.bincount(bins, scores, num_bins), counts)
    accuracy = _ratio(np.bincount(bins, right, num_bins), counts)
    error = float('nan')
    if is_probability and len(scores):
        error = float(np.nansum(counts * np.abs(accuracy - means)) / len(scores))
    return Reliability(edges, counts, means, accuracy, error, int((~defined).sum()))


def bin_equal_mass(
    probabilities: FloatArray,
    right: BoolArray,
    *,
    sample_weights: FloatArray | None = None,
    num_bins: int = 10,
) -> Reliability:
    """Return how often predictions come true in bins of equal weight.

    Bins of equal width are empty where no prediction falls, and one prediction may then be a tenth
    of the picture; these hold as much each, as far as equal probabilities, which stay together,
    allow. Source: Nixon et al., "Measuring Calibration in Deep Learning", CVPR workshops 2019.

    Args:
        probabilities: In [0, 1], (N,), N >= 1.
        right: Whether each prediction came true, (N,) bool.
        sample_weights: How much each counts, >= 0, (N,), some positive; None: all the same.
        num_bins: At most, >= 1.

    Returns:
        Bins with weighted means and the expected calibration error; ``counts`` are numbers of
        predictions. Borders lie half-way between the predictions on either side.

    Raises:
        ValueError: If shapes disagree, there is nothing, or a value is no probability.
    """
    p, right = np.asarray(probabilities, np.float64), np.asarray(right, np.bool_)
    weights = np.ones(len(p)) if sample_weights is None else np.asarray(sample_weights, np.float64)
    if p.ndim != 1 or not len(p) == len(right) == len(weights) >= 1 or num_bins < 1:
        raise ValueError(
            f'expected as many probabilities, outcomes and weights, at least one, and a bin, but '
            f'got {p.shape}, {right.shape}, {weights.shape} and {num_bins}'
        )
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError('expected probabilities from 0 to 1')
    distinct, place = np.unique(p, return_inverse=True)
    mass = np.bincount(place, weights)
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()  # of each distinct probability, in (0, 1)
    number = np.minimum((middle * num_bins).astype(np.int64), num_bins - 1)
    _, bin_of_distinct = np.unique(number, return_inverse=True)  # without empty bins
    bins, num_used = bin_of_distinct[place], int(bin_of_distinct.max()) + 1
    first = np.flatnonzero(np.diff(bin_of_distinct, prepend=-1))[1:]
    borders = (distinct[first - 1] + distinct[first]) / 2
    total = np.bincount(bins, weights, num_used)
    scores = _ratio(np.bincount(bins, weights * p, num_used), total)
    accuracy = _ratio(np.bincount(bins, weights * right, num_used), total)
    error = float(np.nansum(total * np.abs(accuracy - scores)) / total.sum())
    edges = np.concatenate([[0.0], borders, [1.0]])
    return Reliability(edges, np.bincount(bins), scores, accuracy, error, 0)


def score_reliability(
    videos: Sequence[FrameFacts], *, with_point: bool = False, num_bins: int = 10
) -> Reliability:
    """Return the reliability of the scores of frames where an action is predicted.

    Args:
        videos: Facts of each video.
        with_point: Whether the point must lie in the box too, besides the right label.
        num_bins: As in ``bin_reliability``.

    Returns:
        Bins over all frames with a predicted action; background is right only as background and
        so never here.
    """
    scores, right = [np.zeros(0)], [np.zeros(0, np.bool_)]
    for video in videos:
        fired = video.pred_labels != BACKGROUND
        correct = video.pred_labels == video.gt_labels
        if with_point:
            correct = correct & point_hits(video)
        scores.append(video.pred_scores[fired])
        right.append(correct[fired])
    return bin_reliability(np.concatenate(scores), np.concatenate(right), num_bins=num_bins)


def _ratio(sums: FloatArray | IntArray, counts: IntArray | FloatArray) -> FloatArray:
    nothing = np.full(len(counts), np.nan)
    ratio: FloatArray = np.divide(sums, counts, out=nothing, where=counts > 0)
    return ratio
