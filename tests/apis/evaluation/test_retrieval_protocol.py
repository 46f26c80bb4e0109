"""Retrieval from the command line: values worked by hand, ties, names."""

import json

import numpy as np
import pytest


@pytest.fixture
def truth(tmp_path):
    """Texts p and q describe v, r describes w; x is a candidate that no text describes."""
    path = tmp_path / 'truth.json'
    path.write_text(json.dumps({'texts': {'p': 'v', 'r': 'w', 'q': 'v'}, 'videos': ['x']}))
    return path


ROWS = {'p': [3, 2, 1], 'r': [2, 2, 0], 'q': [1, 2, 3]}  # v, w, x


@pytest.fixture
def matrix(tmp_path):
    def write(rows=ROWS, videos='vwx', **more):
        path = tmp_path / 'matrix.npz'
        arrays = {'similarity': np.array(list(rows.values()), float)}
        if videos:
            arrays |= {'texts': np.array(list(rows)), 'videos': np.array(list(videos))}
        np.savez(path, **arrays, **more)
        return path

    return write


def test_ranks_are_as_worked_by_hand(truth, matrix, command):
    found = command('retrieval', truth, matrix(), '--ties', 'pessimistic')

    forward, backward = (found['metrics'][key] for key in ('text_to_video', 'video_to_text'))
    # p finds v first; r has w beside v, so second; q has v behind w and x, third.
    assert [forward[k] for k in ('median_rank', 'mean_rank', 'R@1')] == [2, 2, pytest.approx(1 / 3)]
    # v: p (3) before r (2): first; w: r beside p and q, all 2: third.
    assert (backward['R@1'], backward['R@5'], backward['mean_rank']) == (0.5, 1, 2)
    assert backward['num_queries'] == 2
    coverage = found['coverage']
    assert (coverage['texts_predicted'], coverage['videos_undescribed']) == (3, 1)


def test_the_tie_rule_says_what_equals_are_worth(truth, matrix, command):
    kinds = ('optimistic', 'expected', 'pessimistic')
    found = {ties: command('retrieval', truth, matrix(), '--ties', ties) for ties in kinds}

    recalls = [found[ties]['metrics']['text_to_video']['R@1'] for ties in kinds]
    assert recalls == pytest.approx([2 / 3, 1.5 / 3, 1 / 3])
    constant = [found[ties]['controls']['constant']['text_to_video']['R@1'] for ties in kinds]
    assert constant == pytest.approx([1, 1 / 3, 0])
    assert found['expected']['controls']['oracle']['video_to_text']['mean_rank'] == 1
    assert "ties must be one of ('optimistic'" in command(
        'retrieval', truth, matrix(), '--ties', 'lucky'
    )


def test_rows_without_names_are_in_the_order_of_the_file(truth, matrix, command):
    named, unnamed = (command('retrieval', truth, matrix(videos=v)) for v in ('vwx', ''))

    assert named['metrics'] == unnamed['metrics']
    turned = {name: row[::-1] for name, row in reversed(ROWS.items())}
    assert command('retrieval', truth, matrix(turned, 'xwv'))['metrics'] == named['metrics']


def test_a_text_without_similarities_ranks_last(truth, matrix, command):
    rows = {name: ROWS[name] for name in 'qr'}

    found = command('retrieval', truth, matrix(rows), '--ties', 'optimistic')

    # p, never right: third of three videos; r first; q third. Median of 1, 3, 3.
    assert found['metrics']['text_to_video']['median_rank'] == 3
    # v: p lost, q (1) behind r (2): second; w: p counts as before r, so second (q is equal).
    assert found['metrics']['video_to_text']['mean_rank'] == 2
    assert found['coverage']['missing'] == ['p']
    assert '1 of 3 texts have no similarities' in command(
        'retrieval', truth, matrix(rows), '--missing', 'error'
    )


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'rows': {**ROWS, 'pp': [0, 0, 0]}}, "1 texts are not in the ground truth: 'pp' (did you"),
        ({'rows': {n: r[:2] for n, r in ROWS.items()}, 'videos': 'vw'}, "such as 'x'; fewer cand"),
        ({'rows': {n: r[:2] for n, r in ROWS.items()}, 'videos': ''}, '2 videos, the ground truth'),
        ({'rows': {**ROWS, 'p': [np.nan, 0, 0]}}, '1 similarities are NaN or infinite'),
        ({'videos': 'vvx'}, "videos name 'v' twice"),
        ({'labels': np.zeros(3)}, "but got ['labels', 'similarity'"),
    ],
)
def test_what_does_not_fit_is_told(truth, matrix, command, arguments, message):
    assert message in command('retrieval', truth, matrix(**arguments))


def test_the_truth_may_be_a_table(truth, matrix, command, tmp_path):
    table = tmp_path / 'truth.csv'
    table.write_text('text,video\np,v\nr,w\nq,v\n')
    rows = {name: row[:2] for name, row in ROWS.items()}

    found = command('retrieval', table, matrix(rows, 'vw'), '--ties', 'pessimistic')

    assert found['metrics']['text_to_video']['mean_rank'] == pytest.approx((1 + 2 + 2) / 3)
    table.write_text('text,video\np,v\np,w\n')
    assert "truth.csv:3: text 'p' was there before" in command('retrieval', table, matrix())


def test_every_headline_score_has_an_interval_over_videos(truth, matrix, command, compared):
    command('retrieval', truth, matrix(), '--ties', 'pessimistic', name='a')

    # v has ranks 1 and 3, w has 2, x none: v alone gives 1 and 3, so the median is 2 whatever.
    assert compared('a', score='text_to_video/median_rank')['a'] == '2.00 [2.00, 2.00]'
    assert compared('a', score='text_to_video/mean_rank')['a'] == '2.00 [2.00, 2.00]'
    # w alone has no hit, v alone one of two.
    assert compared('a', score='text_to_video/R@1')['a'] == '33.33 [0.00, 50.00]'
    assert compared('a', score='video_to_text/median_rank')['a'].startswith('2.00 [1.00, 3.00]')
