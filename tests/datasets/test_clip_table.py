import numpy as np
import pytest

from stgr.datasets.clip_table import ClipTable, derange
from stgr.io.captions import Caption


def captions():
    return {
        'a': [Caption(0, 1, 'one'), Caption(2, 3, 'two words'), Caption(50, 51, 'too late now')],
        'b': [Caption(0, 1, '')],
        'c': [Caption(0, 4, 'three words here')],
    }


def test_short_and_late_captions_are_left_out_and_counted():
    table = ClipTable.take(captions(), min_words=2, durations_sec={'a': 50.0})

    assert table.video_ids == ['a', 'c']
    assert table.narrations == ['two words', 'three words here']
    assert table.start_sec.tolist() == [2, 0]
    assert table.end_sec.tolist() == [3, 4]
    assert table.first_row.tolist() == [0, 1, 2]
    assert table.dropped == {'too few words': 2, 'past the end of the video': 1}
    assert table.first_late == ('a', 50.0)


def test_rows_know_their_video_and_the_captions_are_not_held_twice():
    given = captions()

    table = ClipTable.take(given, min_words=0, durations_sec={})

    assert given == {}
    assert [table.video_ids[table.video_of(row)] for row in range(len(table))] == list('aaabc')
    assert table.first_late is None


@pytest.mark.parametrize(
    ('groups', 'reason'),
    [
        ([0, 1], 'two clips swap'),
        ([0, 0, 1, 1], 'a group of exactly one half'),
        ([0] * 50 + [1] * 50, 'hardly any permutation will do'),
        ([0, 0, 0, 1, 2, 3, 3], 'uneven groups'),
        (list(range(100)), 'one clip per video'),
    ],
)
def test_a_derangement_gives_no_clip_a_narration_of_its_own_video(groups, reason):
    groups = np.array(groups)
    for seed in range(20):
        order = derange(groups, np.random.default_rng(seed))

        assert sorted(order) == list(range(len(groups))), reason
        assert not (groups[order] == groups).any(), reason


def test_a_derangement_of_one_big_video_moves_at_least_every_clip():
    order = derange(np.array([0, 0, 0, 1]), np.random.default_rng(0))

    assert sorted(order) == [0, 1, 2, 3]
    assert not (order == np.arange(4)).any()


def test_a_single_clip_has_nothing_to_exchange():
    with pytest.raises(ValueError, match='at least 2'):
        derange(np.array([0]), np.random.default_rng(0))


def test_derangements_are_spread_over_all_other_places():
    counts = np.zeros((4, 4))
    for seed in range(900):
        counts[np.arange(4), derange(np.arange(4), np.random.default_rng(seed))] += 1

    assert np.diag(counts).sum() == 0
    off = counts[~np.eye(4, dtype=bool)]
    assert off.min() > 220  # 300 expected of each
    assert off.max() < 380


def test_the_permuted_control_keeps_windows_and_texts_and_breaks_the_pairing():
    table = ClipTable.take(captions(), min_words=0, durations_sec={})

    control = table.with_permuted_narrations(seed=3)

    assert sorted(control.narrations) == sorted(table.narrations)
    np.testing.assert_array_equal(control.start_sec, table.start_sec)
    assert control.narrations == table.with_permuted_narrations(seed=3).narrations
    assert all(a != b for a, b in zip(control.narrations, table.narrations, strict=True))
