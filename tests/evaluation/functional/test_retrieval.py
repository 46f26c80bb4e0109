from itertools import permutations

import numpy as np
import pytest

from stgr.evaluation.functional import score_retrieval


def test_ranks_by_hand():
    similarity = np.array([[0.9, 0.1, 0.2], [0.8, 0.3, 0.5], [0.7, 0.6, 0.1]])
    got = score_retrieval(similarity)
    # rows: ranks 1, 3, 3; columns: 1, 2, 3
    assert got['text_to_video/R@1'] == pytest.approx(1 / 3)
    assert got['text_to_video/R@5'] == 1
    assert got['text_to_video/median_rank'] == 3
    assert got['text_to_video/mean_rank'] == pytest.approx(7 / 3)
    assert got['video_to_text/median_rank'] == 2
    assert got['video_to_text/mean_rank'] == 2
    assert got['text_to_video/num_queries'] == 3


@pytest.mark.parametrize(
    ('ties', 'mean_rank', 'recall_1', 'recall_5'),
    [('optimistic', 1, 1, 1), ('pessimistic', 20, 0, 0), ('expected', 10.5, 1 / 20, 5 / 20)],
)
def test_a_constant_similarity_shows_the_tie_rule(ties, mean_rank, recall_1, recall_5):
    got = score_retrieval(np.ones((20, 20)), ties=ties)
    for way in ('text_to_video', 'video_to_text'):
        assert got[f'{way}/mean_rank'] == mean_rank
        assert got[f'{way}/R@1'] == pytest.approx(recall_1)
        assert got[f'{way}/R@5'] == pytest.approx(recall_5)


def test_several_texts_of_a_video_and_videos_without_text():
    similarity = np.array([[0.9, 0.5, 0.95], [0.2, 0.3, 0.1], [0.8, 0.7, 0.0]])
    got = score_retrieval(similarity, np.array([0, 1, 1]))
    # texts: video 2 stands above in row 0: 2; row 1: 1; row 2: 2
    assert got['text_to_video/mean_rank'] == pytest.approx(5 / 3)
    # video 0: its text is first; video 1: texts 1 (0.3) and 2 (0.7), the better is first
    assert (got['video_to_text/mean_rank'], got['video_to_text/num_queries']) == (1, 2)
    assert got['num_undescribed_videos'] == 1


def _slow_expected(row, right, at):
    """Mean rank and recall of the first right candidate over every order of equal ones."""
    ranks = []
    for order in permutations(range(len(row))):
        ranked = sorted(order, key=lambda i: -row[i])  # stable: equal ones keep the order
        ranks.append(1 + min(ranked.index(i) for i in right))
    return np.mean(ranks), np.mean(np.array(ranks) <= at)


@pytest.mark.parametrize('seed', range(4))
def test_expected_ranks_equal_the_mean_over_all_orders(seed):
    generator = np.random.default_rng(seed)
    similarity = generator.integers(0, 2, (6, 2)).astype(float)
    truths = np.array([0, 0, 0, 1, 1, 1])
    got = score_retrieval(similarity, truths)
    wanted = [_slow_expected(similarity[:, j], np.flatnonzero(truths == j), 1) for j in (0, 1)]
    assert got['video_to_text/mean_rank'] == pytest.approx(np.mean([w[0] for w in wanted]))
    assert got['video_to_text/R@1'] == pytest.approx(np.mean([w[1] for w in wanted]))
    wanted = [_slow_expected(row, [t], 1) for row, t in zip(similarity, truths, strict=True)]
    assert got['text_to_video/R@1'] == pytest.approx(np.mean([w[1] for w in wanted]))


def test_ranks_compare_in_float64():
    close = np.array([[1.0, 1.0 + 1e-12], [0.0, 1.0]])
    assert score_retrieval(close, ties='optimistic')['text_to_video/R@1'] == 0.5


def test_without_ties_the_rules_agree():
    similarity = np.random.default_rng(0).random((30, 30))
    rules = [score_retrieval(similarity, ties=t) for t in ('optimistic', 'pessimistic', 'expected')]
    assert rules[0] == pytest.approx(rules[1])
    assert rules[0] == pytest.approx(rules[2])


@pytest.mark.parametrize(
    ('similarity', 'truths', 'ties', 'message'),
    [
        (np.ones((2, 3)), None, 'expected', 'say with truths'),
        (np.ones((2, 3)), [0, 3], 'expected', r'0..2.*0..3'),
        (np.ones((2, 3)), [0.0, 1.0], 'expected', 'integers'),
        (np.ones((2, 2)), None, 'random', 'optimistic'),
        (np.full((2, 2), np.nan), None, 'expected', '4 values that are NaN'),
        (np.ones(4), None, 'expected', 'texts, videos'),
    ],
)
def test_wrong_input_is_named(similarity, truths, ties, message):
    truths = None if truths is None else np.array(truths)
    with pytest.raises(ValueError, match=message):
        score_retrieval(similarity, truths, ties=ties)
