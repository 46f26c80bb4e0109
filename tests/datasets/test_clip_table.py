import itertools
import json
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stgr.datasets import clip_table
from stgr.datasets.clip_table import ClipTable, derange
from stgr.io.caption_columns import hold_columns, read_caption_columns
from stgr.io.caption_store import open_caption_store
from stgr.io.captions import Caption


def columns():
    captions = {
        'a': [Caption(0, 1, 'one'), Caption(2, 3, 'two words'), Caption(50, 51, 'too late now')],
        'b': [Caption(0, 1, '')],
        'c': [Caption(0, 4, 'three words here')],
    }
    return hold_columns(captions.items())


def test_short_and_late_captions_are_left_out_and_counted():
    table = ClipTable.take(columns(), min_words=2, durations_sec={'a': 50.0})

    assert list(table.video_ids) == ['a', 'c']
    assert list(table.narrations) == ['two words', 'three words here']
    assert list(table.start_sec) == [2, 0]
    assert list(table.end_sec) == [3, 4]
    assert table.first_row.tolist() == [0, 1, 2]
    assert table.dropped == {'too few words': 2, 'past the end of the video': 1}
    assert table.first_late == ('a', 50.0)


def test_videos_left_out_are_not_among_what_is_dropped():
    table = ClipTable.take(columns(), min_words=2, durations_sec={'a': 50.0}, without=['a'])

    assert list(table.video_ids) == ['c']
    assert table.dropped == {'too few words': 1, 'past the end of the video': 0}
    assert table.first_late is None


def test_rows_know_their_video():
    table = ClipTable.take(columns(), min_words=0, durations_sec={})

    assert [table.video_ids[table.video_of(row)] for row in range(len(table))] == list('aaabc')
    assert table.first_late is None


def test_entries_behind_the_last_are_refused():
    table = ClipTable.take(columns(), min_words=0, durations_sec={})

    with pytest.raises(IndexError, match='entry 5 of 5'):
        table.narrations[5]
    with pytest.raises(IndexError, match='entry -1 of 5'):
        table.start_sec[-1]
    assert table.narrations[1:3] == ['two words', 'too late now']


def test_without_a_clip_the_table_is_empty():
    assert len(ClipTable.take(hold_columns([]), min_words=1, durations_sec={})) == 0
    assert len(ClipTable.take(columns(), min_words=9, durations_sec={})) == 0


def oracle(captions, min_words, durations_sec):
    """Ids, first rows, (start, end, text) and counts by lists, one caption after the other."""
    ids, firsts, rows, dropped, late = [], [0], [], [0, 0], None
    for video_id, spoken in captions.items():
        for start, end, text in zip(*(spoken[k] for k in ('start', 'end', 'text')), strict=True):
            if len(text.split()) < min_words:
                dropped[0] += 1
            elif start >= durations_sec.get(video_id, float('inf')):
                dropped[1] += 1
                late = late or (video_id, start)
            else:
                rows.append((start, end, text.strip()))
        if len(rows) > firsts[-1]:
            ids.append(video_id)
            firsts.append(len(rows))
    return ids, firsts, rows, dropped, late


_TEXT = st.text('ab é😀\ud800\n', max_size=6)
_ROW = st.tuples(st.integers(0, 9), st.integers(10, 20), _TEXT)
_CAPTIONS = st.dictionaries(st.text(max_size=3), st.lists(_ROW, max_size=4), max_size=6)
_COUNTER = itertools.count()


@pytest.mark.parametrize('store', [True, False])
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(spoken=_CAPTIONS, min_words=st.integers(0, 2), data=st.data())
def test_table_of_a_store_or_of_memory_is_that_of_lists(
    tmp_path, monkeypatch, store, spoken, min_words, data
):
    monkeypatch.setattr(clip_table, 'VIDEOS_AT_A_TIME', 2)
    captions = {
        video_id: dict(zip(('start', 'end', 'text'), zip(*rows, strict=True), strict=True))
        if rows
        else {'start': [], 'end': [], 'text': []}
        for video_id, rows in spoken.items()
    }
    path = tmp_path / f'{next(_COUNTER)}.json'
    path.write_text(json.dumps(captions))
    durations = data.draw(st.fixed_dictionaries({}, optional={k: st.floats(0, 9) for k in spoken}))
    ids, firsts, rows, dropped, late = oracle(captions, min_words, durations)

    found = open_caption_store(path, path.with_suffix('')) if store else read_caption_columns(path)
    table = ClipTable.take(found, min_words=min_words, durations_sec=durations)

    assert list(table.video_ids) == ids
    assert table.first_row.tolist() == firsts
    assert list(zip(table.start_sec, table.end_sec, table.narrations, strict=True)) == rows
    assert list(table.dropped.values()) == dropped
    assert table.first_late == late
    if len(rows) > 1:
        groups = np.repeat(np.arange(len(ids)), np.diff(firsts))
        order = derange(groups, np.random.default_rng(7))
        assert list(table.with_permuted_narrations(7).narrations) == [rows[i][2] for i in order]


def test_table_of_a_store_travels_to_a_worker_without_its_columns(tmp_path):
    path = tmp_path / 'captions.json'
    texts = ['a long narration of a single clip'] * 3000
    path.write_text(
        json.dumps({'v': {'start': [0] * 3000, 'end': [1] * 3000, 'text': texts}, 'w': {}})
    )
    with pytest.warns(UserWarning, match="video 'w' needs the lists"):
        stored = open_caption_store(path, tmp_path / 'store')
    table = ClipTable.take(stored, min_words=1, durations_sec={})

    sent = pickle.dumps(table)

    assert len(sent) < 3000 * 5, 'four bytes for each clip'
    assert list(pickle.loads(sent).narrations) == texts


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
    table = ClipTable.take(columns(), min_words=0, durations_sec={})

    control = table.with_permuted_narrations(seed=3)
    said, heard = list(table.narrations), list(control.narrations)

    assert sorted(heard) == sorted(said)
    assert list(control.start_sec) == list(table.start_sec)
    assert heard == list(table.with_permuted_narrations(seed=3).narrations)
    assert all(a != b for a, b in zip(heard, said, strict=True))
