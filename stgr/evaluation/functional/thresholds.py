"""Choose the similarity below which nothing is said to happen, on videos with known truth."""

from collections.abc import Sequence

import numpy as np

from stgr.evaluation.functional.arrays import FloatArray, IntArray

N_CANDIDATES = 64  # thresholds tried, spread over the scores that occur


def choose_pool_threshold(
    similarities: Sequence[FloatArray], labels: Sequence[IntArray]
) -> tuple[float, float]:
    """Return the threshold with the best temporal IoU when the labels of a pool compete.

    A frame gets the most similar label, or background below the threshold. IoU is that of frames
    with the right label, per class of a video, averaged over its classes and then over videos: the
    default of IoU+Point without the point.

    Args:
        similarities: Per video, of each label of its pool and each frame, (Q, F).
        labels: Per video, index into the pool of what happens, -1 for background, (F,).

    Returns:
        The threshold and its IoU. Of equally good ones the lowest.

    Raises:
        ValueError: If no video has an action.
    """
    best = [similarity.max(axis=0) for similarity in similarities]
    guesses = [similarity.argmax(axis=0) for similarity in similarities]

    def quality(threshold: float) -> float:
        return _mean(
            _mean(_iou(labels[v] == c, (guesses[v] == c) & (best[v] >= threshold)) for c in classes)
            for v, classes in enumerate(classes_of)
            if len(classes)
        )

    classes_of = [np.unique(row[row >= 0]) for row in labels]
    if not any(len(classes) for classes in classes_of):
        raise ValueError('a threshold needs validation videos with actions, but there are none')
    return _best_of(_candidates(best), quality)


def choose_query_threshold(
    similarities: Sequence[FloatArray], happens: Sequence[np.ndarray]
) -> tuple[float, float]:
    """Return the threshold with the best temporal IoU when each query is judged alone.

    A query that does not happen scores the share of frames in which it is not seen. Queries that
    happen and queries that do not weigh the same. (Scoring a whole query 0 for one wrong frame
    would make it best to never find anything: among many frames one always looks like it.)

    Args:
        similarities: Per video, of each query and frame, (Q, F); some of the queries must not
            happen, or no threshold would be too low.
        happens: Per video, True where a query happens, (Q, F) bool.

    Returns:
        The threshold and its score. Of equally good ones the lowest.

    Raises:
        ValueError: If all queries happen or none does.
    """
    rows = [row for similarity in similarities for row in similarity]
    truths = [row for truth in happens for row in truth]
    present = [i for i, truth in enumerate(truths) if truth.any()]
    absent = [i for i, truth in enumerate(truths) if not truth.any()]
    if not present or not absent:
        raise ValueError(
            f'a query threshold needs queries that happen and queries that do not, but got '
            f'{len(present)} and {len(absent)}'
        )

    def quality(threshold: float) -> float:
        found = _mean(_iou(truths[i], rows[i] >= threshold) for i in present)
        rejected = _mean(float((rows[i] < threshold).mean()) for i in absent)
        return (found + rejected) / 2

    return _best_of(_candidates(rows), quality)


def _candidates(scores: Sequence[FloatArray]) -> FloatArray:
    quantiles = np.linspace(0, 1, N_CANDIDATES)
    candidates: FloatArray = np.unique(np.quantile(np.concatenate(list(scores)), quantiles))
    return candidates


def _best_of(candidates: FloatArray, quality) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    qualities = [quality(threshold) for threshold in candidates]
    best = int(np.argmax(qualities))
    return float(candidates[best]), qualities[best]


def _iou(truth: np.ndarray, guess: np.ndarray) -> float:
    union = int((truth | guess).sum())
    return float((truth & guess).sum() / union) if union else 1.0


def _mean(values) -> float:  # type: ignore[no-untyped-def]
    return float(np.mean(list(values)))
