"""Retrieval from a similarity matrix: recall at k, median and mean rank, with ties named."""

from dataclasses import dataclass

import numpy as np

from stgr.evaluation.functional.arrays import BoolArray, FloatArray, IntArray, mean_or_nan

TIE_RULES = ('optimistic', 'pessimistic', 'expected')
RECALL_AT = (1, 5, 10)


@dataclass(frozen=True)
class Ranking:
    """How many wrong candidates stand before and beside the best right one of each query.

    Args:
        num_above: Wrong candidates with a larger similarity, (Q,).
        num_tied: Wrong candidates with the same similarity, (Q,).
        num_right: Right candidates with that similarity, (Q,), >= 1.
    """

    num_above: IntArray
    num_tied: IntArray
    num_right: IntArray

    def ranks(self, ties: str) -> FloatArray:
        """Return the rank of the best right candidate, 1 is first, (Q,).

        Args:
            ties: ``'optimistic'``: right candidates come before equal wrong ones;
                ``'pessimistic'``: after them (constant similarities then rank last);
                ``'expected'``: the mean over random orders of the equal ones,
                ``num_tied / (num_right + 1)`` wrong ones before the first right one.

        Raises:
            ValueError: If the rule is unknown.
        """
        _check_ties(ties)
        first: FloatArray = np.asarray(1 + self.num_above, np.float64)
        if ties == 'optimistic':
            return first
        if ties == 'pessimistic':
            return np.asarray(first + self.num_tied, np.float64)
        return np.asarray(first + self.num_tied / (self.num_right + 1), np.float64)

    def recall(self, at: int, ties: str) -> float:
        """Return the share of queries whose rank is at most ``at`` (its expectation likewise)."""
        if ties != 'expected':
            return mean_or_nan(self.ranks(ties) <= at)
        _check_ties(ties)
        places = np.maximum(at - self.num_above, 0)  # of the equal ones
        missed = np.ones(len(places))  # probability that wrong ones take all these places
        for i in range(at):
            left = np.maximum(self.num_tied - i, 0)
            missed *= np.where(i < places, left / np.maximum(left + self.num_right, 1), 1.0)
        return mean_or_nan(1.0 - missed)


def rank_candidates(similarity: FloatArray, right: BoolArray) -> Ranking:
    """Return where the best right candidate of each query stands.

    Args:
        similarity: Of each query and candidate, (Q, N), higher is nearer; compared in float64.
        right: Which candidates are right, (Q, N) bool, at least one per query.

    Returns:
        Counts from which ranks under any tie rule follow.

    Raises:
        ValueError: If shapes differ, a similarity is NaN or a query has no right candidate.
    """
    similarity = np.asarray(similarity, np.float64)
    if similarity.ndim != 2 or similarity.shape != right.shape:
        raise ValueError(
            f'similarity and right must both be (Q, N), but got {similarity.shape} and '
            f'{right.shape}'
        )
    if np.isnan(similarity).any():
        raise ValueError(f'similarity has {int(np.isnan(similarity).sum())} values that are NaN')
    lonely = np.flatnonzero(~right.any(axis=1))
    if len(lonely):
        raise ValueError(f'{len(lonely)} queries have no right candidate, such as {lonely[0]}')
    best = np.where(right, similarity, -np.inf).max(axis=1, keepdims=True, initial=-np.inf)
    tied = similarity == best
    return Ranking(
        num_above=(~right & (similarity > best)).sum(axis=1),
        num_tied=(~right & tied).sum(axis=1),
        num_right=(right & tied).sum(axis=1),
    )


def score_retrieval(
    similarity: FloatArray, truths: IntArray | None = None, *, ties: str = 'expected'
) -> dict[str, float]:
    """Return text-to-video and video-to-text retrieval scores.

    ``R@k``: share of queries whose right candidate has rank <= k; where several texts describe one
    video, the best of them counts for the video. Source: the protocol of the field (R@1, R@5, R@10,
    median rank), which leaves ties open: a constant similarity scores perfectly under
    ``'optimistic'``, as in scripts that count the larger ones only.

    Args:
        similarity: Text i with video j, (Q, N), higher is nearer.
        truths: Video of each text, (Q,) in 0 .. N - 1; None means text i describes video i.
        ties: See ``Ranking.ranks``.

    Returns:
        For ``text_to_video/`` and ``video_to_text/``: ``R@1``, ``R@5``, ``R@10`` (fractions),
        ``median_rank``, ``mean_rank`` (1 is best) and ``num_queries``; videos that no text
        describes are candidates, not queries: ``num_undescribed_videos``.

    Raises:
        ValueError: If a shape, an index, a similarity (NaN) or the tie rule is wrong.
    """
    _check_ties(ties)
    forward, backward, described = rank_both_ways(similarity, truths)
    return {
        **{f'text_to_video/{key}': value for key, value in score_ranking(forward, ties).items()},
        **{f'video_to_text/{key}': value for key, value in score_ranking(backward, ties).items()},
        'num_undescribed_videos': float((~described).sum()),
    }


def rank_both_ways(
    similarity: FloatArray, truths: IntArray | None = None
) -> tuple[Ranking, Ranking, BoolArray]:
    """Return where the right videos of texts stand, and the right texts of described videos.

    Args:
        similarity: Text i with video j, (Q, N).
        truths: Video of each text, (Q,); None means text i describes video i.

    Returns:
        The ranking of all Q texts, that of the D described videos in their order, and which
        videos are described, (N,).

    Raises:
        ValueError: If a shape, an index or a similarity (NaN) is wrong.
    """
    similarity = np.asarray(similarity, np.float64)
    right = _right_videos(similarity, truths)
    described: BoolArray = np.asarray(right.any(axis=0), np.bool_)
    forward = rank_candidates(similarity, right)
    backward = rank_candidates(similarity.T[described], right.T[described])
    return forward, backward, described


def _right_videos(similarity: FloatArray, truths: IntArray | None) -> BoolArray:
    if similarity.ndim != 2:
        raise ValueError(f'similarity must be (texts, videos), but got {similarity.shape}')
    num_texts, num_videos = similarity.shape
    if truths is None and num_texts != num_videos:
        raise ValueError(
            f'{num_texts} texts and {num_videos} videos: say with truths which video each text '
            f'describes'
        )
    numbers = np.arange(num_texts) if truths is None else np.asarray(truths)
    if numbers.shape != (num_texts,) or not np.issubdtype(numbers.dtype, np.integer):
        raise ValueError(
            f'truths must be {num_texts} integers, but got {numbers.dtype} of {numbers.shape}'
        )
    if num_texts and not 0 <= numbers.min() <= numbers.max() < num_videos:
        raise ValueError(
            f'truths must lie in 0..{num_videos - 1}, but span {numbers.min()}..{numbers.max()}'
        )
    return np.asarray(numbers[:, None] == np.arange(num_videos), np.bool_)


def score_ranking(ranking: Ranking, ties: str) -> dict[str, float]:
    """Return the scores of one direction, see ``score_retrieval``.

    Args:
        ranking: Of its queries.
        ties: See ``Ranking.ranks``.
    """
    ranks = ranking.ranks(ties)
    recalls = {f'R@{at}': ranking.recall(at, ties) for at in RECALL_AT}
    median = float(np.median(ranks)) if len(ranks) else float('nan')
    return recalls | {
        'median_rank': median,
        'mean_rank': mean_or_nan(ranks),
        'num_queries': float(len(ranks)),
    }


def _check_ties(ties: str) -> None:
    if ties not in TIE_RULES:
        raise ValueError(f'ties must be one of {TIE_RULES}, but got {ties!r}')
