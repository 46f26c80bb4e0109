import numpy as np
import pytest

from stgr.evaluation.functional import count_confusion, largest_confusions, merge_rare_classes


@pytest.fixture
def confusion(make_facts):
    # a: 2 right, 1 as b, 1 as background; b: 1 right, 3 as c; background: 1 as a, 1 right
    first = make_facts('aaaa--', 'aab-a-')
    other = make_facts('bbbb', 'bccc', pool='cba', video_id='w')  # other indices, same names
    return count_confusion([first, other])


def test_counts_by_hand_across_pools_of_another_order(confusion):
    assert confusion.names == ('a', 'b', 'c', 'background')
    assert confusion.counts.tolist() == [[2, 1, 0, 1], [0, 1, 3, 0], [0, 0, 0, 0], [1, 0, 0, 1]]


def test_shares_are_of_the_true_frames_and_nan_without_any(confusion):
    shares = confusion.shares
    assert shares[0].tolist() == [0.5, 0.25, 0, 0.25]
    assert np.isnan(shares[2]).all()


def test_largest_confusions_leave_the_diagonal_out_and_keep_the_order_of_ties(confusion):
    found = [(m.truth, m.predicted, m.count, m.share) for m in largest_confusions(confusion, 3)]
    assert found == [('b', 'c', 3, 0.75), ('a', 'b', 1, 0.25), ('a', 'background', 1, 0.25)]
    assert len(largest_confusions(confusion, 99)) == 4  # never a count of 0


def test_rare_classes_become_one_and_no_frame_is_lost(confusion):
    merged = merge_rare_classes(confusion, 1)
    assert merged.names == ('a', 'other (2 classes)', 'background')
    assert merged.counts.tolist() == [[2, 1, 1], [0, 4, 0], [1, 0, 1]]
    kept = merge_rare_classes(confusion, 3)
    assert kept.names == confusion.names
    assert kept.counts.tolist() == confusion.counts.tolist()


def test_no_video_is_an_empty_background():
    empty = count_confusion([])
    assert (empty.names, empty.counts.tolist()) == (('background',), [[0]])
    assert largest_confusions(empty, 5) == []
    assert merge_rare_classes(empty, 5).names == ('background',)
