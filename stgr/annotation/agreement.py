"""How far annotators agree: on where the action is, and on whether it is there."""

import numpy as np

from stgr.annotation.click_boxes import FloatArray, check_clicks
from stgr.annotation.presence import IntArray


def click_distances(clicks_px: FloatArray) -> FloatArray:
    """Return the mean distance between the clicks of each frame, over all pairs of annotators.

    Args:
        clicks_px: (N, A, 2), NaN where an annotator did not click.

    Returns:
        Pixels, (N,); NaN for a frame with fewer than two clicks.
    """
    clicks = check_clicks(clicks_px)
    first, second = np.triu_indices(clicks.shape[1], k=1)
    gaps = np.linalg.norm(clicks[:, first] - clicks[:, second], axis=2)  # (N, pairs)
    return _mean_of_known(gaps)


def click_spreads(clicks_px: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the mean click of each frame and the mean distance of its clicks to it.

    These are ``x``, ``y`` and ``mean_dist`` of the released click files; 0 for a single click.

    Args:
        clicks_px: (N, A, 2), NaN where an annotator did not click.

    Returns:
        Mean clicks (N, 2) and distances (N,) in pixels; NaN for a frame without a click.
    """
    clicks = check_clicks(clicks_px)
    mean = np.stack([_mean_of_known(clicks[..., axis]) for axis in (0, 1)], axis=1)
    return mean, _mean_of_known(np.linalg.norm(clicks - mean[:, None], axis=2))


def fleiss_kappa(votes: IntArray) -> float:
    """Return Fleiss' kappa: agreement beyond what the shares of the answers give by chance.

    ``kappa = (P - Pe) / (1 - Pe)``, where P is the mean over frames of the share of pairs of
    annotators that agree, and Pe the sum of the squared shares of the answers over all frames.

    Source: J. L. Fleiss, Measuring nominal scale agreement among many raters, 1971.

    Args:
        votes: Answer of each annotator to each frame, (N, A) whole numbers >= 0, A >= 2. For
            presence give ``votes == POINT``.

    Returns:
        1 for full agreement, 0 for chance; NaN if only one answer was ever given, where chance
        agrees as well.

    Raises:
        ValueError: If there is no frame, only one annotator, or a negative answer.
    """
    votes = np.asarray(votes).astype(np.int64)
    if votes.ndim != 2 or votes.shape[0] < 1 or votes.shape[1] < 2:
        raise ValueError(
            f'expected votes of shape (frames >= 1, annotators >= 2), got {votes.shape}'
        )
    if votes.min() < 0:
        raise ValueError(f'votes are numbers of categories >= 0, got {votes.min()}')
    annotators = votes.shape[1]
    counts = (votes[..., None] == np.unique(votes)).sum(axis=1)  # (N, categories)
    pairs = (counts * (counts - 1)).sum(axis=1) / (annotators * (annotators - 1))
    by_chance = float(((counts.sum(axis=0) / votes.size) ** 2).sum())
    if by_chance == 1:
        return float('nan')
    return (float(pairs.mean()) - by_chance) / (1 - by_chance)


def _mean_of_known(values: FloatArray) -> FloatArray:
    """Return the mean of each row without its NaN, NaN for a row that has nothing else."""
    known = ~np.isnan(values)
    counts = known.sum(axis=1)
    sums = np.where(known, values, 0).sum(axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
