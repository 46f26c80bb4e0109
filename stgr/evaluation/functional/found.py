"""Found or not found: how well a probability tells queries that happen from those that do not."""

import numpy as np

from stgr.evaluation.functional.arrays import BoolArray, FloatArray
from stgr.evaluation.functional.reliability import bin_equal_mass


def balanced_weights(happens: BoolArray, counts: FloatArray | None = None) -> FloatArray:
    """Return weights under which half of the questions ask for something that happens.

    In a set of videos almost every action is absent from almost every video; a system that never
    finds anything would be right nearly always.

    Args:
        happens: Of each question, (N,) bool.
        counts: How often each question is asked (its video drawn in a bootstrap), >= 0, (N,);
            None: once.

    Returns:
        (N,), of the two kinds 1/2 each; all NaN if a kind is missing.
    """
    happens = np.asarray(happens, np.bool_)
    counts = np.ones(len(happens)) if counts is None else np.asarray(counts, np.float64)
    yes, no = float(counts[happens].sum()), float(counts[~happens].sum())
    if not (yes > 0 and no > 0):
        return np.full(len(happens), np.nan)
    weights: FloatArray = counts * np.where(happens, 0.5 / yes, 0.5 / no)
    return weights


def score_found(
    probabilities: FloatArray,
    happens: BoolArray,
    *,
    sample_weights: FloatArray | None = None,
    num_bins: int = 10,
) -> dict[str, float]:
    """Return how good probabilities are, whatever the threshold.

    Args:
        probabilities: That each query happens, (N,); of values outside [0, 1] only the ranking is
            scored.
        happens: Whether it does, (N,) bool.
        sample_weights: See ``balanced_weights``; None: all the same.
        num_bins: Bins of equal mass of the calibration error.

    Returns:
        ``auroc``: probability that of two queries the one that happens is ranked higher, ties
        counting half; ``ap``: average precision, equal values as one step; ``brier``: mean squared
        error; ``log_loss`` in nats; ``ece``: expected calibration error. The last three only of
        probabilities. NaN where a kind of query is missing.

    Raises:
        ValueError: If shapes disagree.
    """
    p, happens = np.asarray(probabilities, np.float64), np.asarray(happens, np.bool_)
    weights = np.ones(len(p)) if sample_weights is None else np.asarray(sample_weights, np.float64)
    if not p.shape == happens.shape == weights.shape or p.ndim != 1:
        raise ValueError(
            f'expected probabilities, outcomes and weights (N,), but got {p.shape}, '
            f'{happens.shape} and {weights.shape}'
        )
    names = ['auroc', 'ap']
    is_probability = bool(((p >= 0) & (p <= 1)).all())
    names += ['brier', 'log_loss', 'ece'] if is_probability else []
    if not (weights[happens].sum() > 0 and weights[~happens].sum() > 0):
        return dict.fromkeys(names, float('nan'))
    found = dict(zip(names, _ranking(p, happens, weights), strict=False))
    if is_probability:
        found['brier'] = float(np.average((p - happens) ** 2, weights=weights))
        found['log_loss'] = _log_loss(p, happens, weights)
        bins = bin_equal_mass(p, happens, sample_weights=weights, num_bins=num_bins)
        found['ece'] = bins.error
    return found


def choose_min_score(
    probabilities: FloatArray, happens: BoolArray, *, sample_weights: FloatArray | None = None
) -> tuple[float, float]:
    """Return the probability from which to say 'found' so that it is most often right.

    Args:
        probabilities: (N,), N >= 1.
        happens: (N,) bool.
        sample_weights: (N,); None: all the same.

    Returns:
        The threshold, which itself counts as found, and the share of right answers. Of equally good
        ones the lowest; half-way to the next lower probability, so that it is no single video's.
    """
    p, happens = np.asarray(probabilities, np.float64), np.asarray(happens, np.bool_)
    weights = np.ones(len(p)) if sample_weights is None else np.asarray(sample_weights, np.float64)
    distinct, place = np.unique(p, return_inverse=True)
    yes = np.bincount(place, weights * happens)
    no = np.bincount(place, weights * ~happens)
    below_no = np.concatenate([[0.0], np.cumsum(no)])
    from_yes = yes.sum() - np.concatenate([[0.0], np.cumsum(yes)])
    right = (below_no + from_yes) / weights.sum()  # with everything from the k-th value on found
    best = int(np.argmax(right))
    lower = np.concatenate([distinct[:1], distinct])
    upper = np.concatenate([distinct, [1.0]])
    at = (lower[best] + upper[best]) / 2
    return float(at), float(right[best])


def _ranking(p: FloatArray, happens: BoolArray, weights: FloatArray) -> tuple[float, float]:
    """Return AUROC and average precision."""
    _, place = np.unique(-p, return_inverse=True)  # from the highest on
    yes = np.bincount(place, weights * happens)
    no = np.bincount(place, weights * ~happens)
    seen_yes, seen_no = np.cumsum(yes), np.cumsum(no)
    beaten = (no.sum() - seen_no) + no / 2
    auroc = float((yes * beaten).sum() / (yes.sum() * no.sum()))
    seen = seen_yes + seen_no
    precision = np.divide(seen_yes, seen, out=np.zeros_like(seen), where=seen > 0)
    return auroc, float((yes * precision).sum() / yes.sum())


def _log_loss(p: FloatArray, happens: BoolArray, weights: FloatArray) -> float:
    given, counted = np.where(happens, p, 1 - p), weights > 0
    with np.errstate(divide='ignore'):
        return float(np.average(-np.log(given[counted]), weights=weights[counted]))
