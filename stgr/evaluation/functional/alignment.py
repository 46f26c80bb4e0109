"""Transcript alignment: when each entry of a known order of steps happens.

The best boundaries are found entry by entry over whole rows of frames: with ``S_k`` the running sum
of entry k's scores, the best score of the first k + 1 entries ending at block e is
``S_k[e] + max_s (best_(k-1)[s] - S_k[s] + prior(e - s))``, a running maximum over s. So Python
makes K steps, not T x K.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from stgr.evaluation.functional.arrays import FloatArray, IntArray

BACKGROUND_SCORE = 0.5  # the detection threshold on the similarity scale
_ROWS = 64  # windows at a time: what a table of them wastes before the first value stays small


@dataclass(frozen=True)
class LengthPrior:
    """What lengths an entry may have, in frames; the default allows and prefers nothing.

    Args:
        max_length: Longest entry, or None.
        mean_length: Mean of a Poisson distribution whose log-probability is added per entry, or
            None. 150 (the released dummy) is a very strong prior, standard deviation 12 frames:
            on clean evidence it loses most of the score. Source: benchmarks, section 4.

    Raises:
        ValueError: If a number is not positive.
    """

    max_length: int | None = None
    mean_length: float | None = None

    def __post_init__(self) -> None:
        for name in ('max_length', 'mean_length'):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f'{name} must be above 0 frames, but got {value}')

    def scores(self, lengths: IntArray) -> FloatArray:
        """Return the log-score of each length in frames, (N,); -inf where it is not allowed."""
        lengths = np.asarray(lengths, np.int64)
        found = np.zeros(len(lengths))
        if self.mean_length is not None:
            longest = int(lengths.max(initial=0))
            log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, longest + 1)))])
            found += lengths * np.log(self.mean_length) - self.mean_length
            found -= log_factorial[np.maximum(lengths, 0)]
        if self.max_length is not None:
            found[lengths > self.max_length] = -np.inf
        return found


def align_transcript(
    entry_scores: FloatArray, *, block: int = 1, prior: LengthPrior | None = None
) -> IntArray:
    """Return the transcript entry of every frame under the best alignment.

    Maximises ``sum_t entry_scores[t, entry_t]`` plus the prior over all ways to cut the frames into
    K consecutive entries of at least one block each, in their order. Boundaries lie at multiples
    of ``block``; the last block may be short, its frames count all the same. Among equal
    alignments the last entry begins as early as possible, then the one before it, and so on.
    Source: benchmarks, section 3 (e), "clean alignment".

    Args:
        entry_scores: Log-score of each frame under each entry, (T, K), finite; of class scores
            (T, C) take ``scores[:, transcript]``. A constant added to a frame changes nothing.
        block: Frames between possible boundaries: 1 at 1 fps; 20 or 30 at the native rate.
        prior: Of the lengths; None means none.

    Returns:
        Entry of each frame, (T,), rising from 0 to K - 1 without a gap.

    Raises:
        ValueError: If the scores are not finite or not (T, K), or the frames do not suffice for,
            or exceed, what the entries may have.
    """
    scores, prior = checked_scores(entry_scores, block), prior or LengthPrior()
    num_frames, num_entries = scores.shape
    edges = np.append(np.arange(0, num_frames, block), num_frames)  # the last block may be short
    if num_entries > len(edges) - 1:
        raise ValueError(
            f'{num_entries} entries need as many blocks of {block} frames, but {num_frames} frames '
            f'make {len(edges) - 1}; lower block or shorten the transcript'
        )
    starts = best_starts(np.add.reduceat(scores, edges[:-1], axis=0), edges, prior)
    return np.repeat(np.arange(num_entries), np.diff(np.append(edges[starts], num_frames)))


def best_starts(block_scores: FloatArray, edges: IntArray, prior: LengthPrior) -> IntArray:
    """Return the first block of each entry under the best alignment.

    Args:
        block_scores: Log-score of each block under each entry, (N, K), N >= K >= 1.
        edges: First frame of each block and the end, (N + 1,); all blocks but the last are equal.
        prior: Of the lengths.

    Returns:
        (K,), ascending, the first 0.

    Raises:
        ValueError: If no alignment keeps the longest length.
    """
    num_blocks, num_entries = block_scores.shape
    sums = np.zeros((num_entries, num_blocks + 1))
    np.cumsum(block_scores.T, axis=1, out=sums[:, 1:])
    before = np.full((num_entries, num_blocks + 1), -np.inf)  # best up to a start, less its sum
    before[0, 0] = 0.0
    best_before = _maximum_before(prior, edges)
    for entry in range(num_entries - 1):
        best = sums[entry] + best_before(before[entry])
        before[entry + 1] = best - sums[entry + 1]
    starts, end = np.zeros(num_entries, np.int64), num_blocks
    for entry in reversed(range(num_entries)):
        choices = before[entry, :end] + prior.scores(edges[end] - edges[:end])
        starts[entry] = end = int(choices.argmax())
        if choices[end] == -np.inf:
            raise ValueError(
                f'{num_entries} entries of at most {prior.max_length} frames in blocks of '
                f'{edges[1]} cannot fill {edges[-1]} frames; raise max_length'
            )
    return starts


def _maximum_before(prior: LengthPrior, edges: IntArray) -> Callable[[FloatArray], FloatArray]:
    """Return the function ``before -> max_s (before[s] + prior(e - s))`` over s < e, (N + 1,)."""
    weights = prior.scores(edges[1:-1])  # of 1 .. N - 1 whole blocks
    weights = weights[weights > -np.inf]
    if prior.mean_length is not None:
        table = _weight_table(weights, len(edges) - 1)

    def search(before: FloatArray) -> FloatArray:
        if not len(weights):  # no whole block is short enough
            best = np.full(len(before) - 1, -np.inf)
        elif prior.mean_length is not None:
            best = _weighted_maximum(before[:-1], table, len(weights))
        elif prior.max_length is not None:
            best = _sliding_maximum(before[:-1], len(weights))
        else:
            best = np.maximum.accumulate(before[:-1])
        return np.concatenate([[-np.inf], best])

    return search


def _sliding_maximum(values: FloatArray, width: int) -> FloatArray:
    """Return the maximum of each value and the ``width - 1`` before it, doubling the reach."""
    best, reach = values.copy(), 1
    while reach < width:
        step = min(reach, width - reach)
        best[step:] = np.maximum(best[step:], best[:-step])
        reach += step
    return best


def _weight_table(weights: FloatArray, num: int) -> FloatArray:
    """Return ``weights[i - j]`` at row i and column j, -inf where there is none, (num, num).

    A view of a row of numbers: nothing of that size is stored.
    """
    row = np.full(2 * num - 1, -np.inf)
    row[num - len(weights) : num] = weights[::-1]
    return sliding_window_view(row, num)[::-1]


def _weighted_maximum(values: FloatArray, table: FloatArray, width: int) -> FloatArray:
    """Return ``max_j (values[j] + table[i, j])`` for every i, looking at ``i - width < j <= i``."""
    best = np.empty(len(values))
    for first in range(0, len(values), _ROWS):
        end = min(first + _ROWS, len(values))
        reach = slice(max(first - width + 1, 0), end)
        best[first:end] = (values[reach] + table[first:end, reach]).max(axis=1)
    return best


def checked_scores(entry_scores: FloatArray, block: int) -> FloatArray:
    """Return the scores in float64, or say what is wrong with them or with the block."""
    scores = np.asarray(entry_scores, np.float64)
    if scores.ndim != 2 or 0 in scores.shape:
        raise ValueError(f'scores must be (T, K) with T, K >= 1, but got {scores.shape}')
    if block < 1:
        raise ValueError(f'block counts frames and must be >= 1, but got {block}')
    bad = int((~np.isfinite(scores)).sum())
    if bad:
        raise ValueError(
            f'{bad} scores are NaN or infinite; give logarithms of probabilities above 0, such as '
            f'log(max(p, 1e-12))'
        )
    return scores


def append_background(
    scores: FloatArray, background_score: float | None = BACKGROUND_SCORE
) -> FloatArray:
    """Return step scores with a column for background behind them.

    The paper does not define that column. Source: benchmarks, section 3 (e).

    Args:
        scores: Score of each frame under each step, (T, C): similarities for the default.
        background_score: Constant score: 0.5 is the detection threshold on the similarity scale.
            None: the mean of the frame's other scores (the authors' earlier pipeline, where they
            are log-scores divided by their prior).

    Returns:
        (T, C + 1) float64.

    Raises:
        ValueError: If the scores are not (T, C) with C >= 1.
    """
    scores = np.asarray(scores, np.float64)
    if scores.ndim != 2 or not scores.shape[1]:
        raise ValueError(f'scores must be (T, C) with C >= 1, but got {scores.shape}')
    if background_score is None:
        column = scores.mean(axis=1, keepdims=True)
    else:
        column = np.full((len(scores), 1), float(background_score))
    return np.concatenate([scores, column], axis=1)
