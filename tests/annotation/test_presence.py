import numpy as np
import pytest

from stgr.annotation import (
    CANNOT_SOLVE,
    CORRUPT,
    OPEN,
    POINT,
    majority,
    presence_runs,
    refine_bounds,
    vote_corrupt,
    vote_presence,
)


@pytest.mark.parametrize(
    ('votes', 'present', 'corrupt', 'reason'),
    [
        ([POINT] * 3 + [CANNOT_SOLVE] * 2, True, False, '3 of 5 clicked'),
        ([POINT] * 2 + [CANNOT_SOLVE] * 3, False, False, '3 of 5 abstained'),
        ([POINT] * 2 + [CORRUPT] * 3, False, True, '3 of 5 saw a broken picture'),
        ([POINT] * 3 + [OPEN] * 2, True, False, 'whoever is missing could not change it'),
        ([POINT] * 2 + [OPEN] * 3, False, False, 'two of five are no majority, though all said so'),
        ([OPEN] * 5, False, False, 'nobody looked'),
    ],
)
def test_three_of_five_clicks_make_an_action_present(votes, present, corrupt, reason):
    assert vote_presence(np.array([votes])).tolist() == [present], reason
    assert vote_corrupt(np.array([votes])).tolist() == [corrupt], reason


def test_a_majority_is_more_than_half():
    assert [majority(count) for count in (1, 2, 3, 4, 5)] == [1, 2, 2, 3, 3]
    one_of_five = np.array([[POINT] + [CANNOT_SOLVE] * 4])
    assert vote_presence(one_of_five, quorum=1).tolist() == [True]


def test_a_step_ends_where_its_action_ends_and_keeps_its_gaps():
    present = np.array([False, True, False, False, True, True, False])
    seconds = np.arange(10, 17)

    assert refine_bounds(present, seconds) == (11, 15)
    assert presence_runs(present, seconds) == [(11, 11), (14, 15)]
    assert refine_bounds(present & False, seconds) is None
    assert presence_runs(present & False, seconds) == []


def test_seconds_that_are_not_neighbours_are_not_one_run():
    assert presence_runs(np.array([True, True]), np.array([3, 5])) == [(3, 3), (5, 5)]


@pytest.mark.parametrize('quorum', [0, 6])
def test_a_quorum_that_cannot_be_is_refused(quorum):
    with pytest.raises(ValueError, match=r'must lie in 1\.\.5'):
        vote_presence(np.zeros((1, 5), int), quorum=quorum)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match='shape'):
        vote_presence(np.zeros(5, int))
    with pytest.raises(ValueError, match='at least 1 annotator'):
        majority(0)
    with pytest.raises(ValueError, match='one answer per second'):
        refine_bounds(np.array([True]), np.array([1, 2]))
    with pytest.raises(ValueError, match='ascend'):
        presence_runs(np.array([True, True]), np.array([2, 2]))
