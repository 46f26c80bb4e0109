"""Searching: moments, places, what vanished, what does not belong."""

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from stgr.apis import Grounder
from stgr.localizers import ThresholdTemporalLocalizer
from stgr.search import SearchIndex
from stgr.search.moments import MERGE_GAP_SEC

QUERIES = ['flip it over', 'crack an egg into the bowl']


@pytest.fixture
def peaks(door, library):
    """Return the highest cosine of each query and an indexed frame, per video."""
    scores = {}
    for path in ('a.mp4', 'b.mp4', 'more/a.mp4'):
        with door.encode(library / path) as video:
            _, text = door.inferencer.understand(QUERIES)
            scores[path] = door.inferencer.similarity(video.features, text)
    return scores


def test_moments_are_those_of_the_scores_of_all_frames(index, peaks):
    level = 0.1  # between the scores, which float16 may move a little

    (answer,) = index.search(QUERIES[:1], threshold=level, places=False)

    expected = []
    for path, scores in peaks.items():
        times_sec = np.arange(scores.shape[1]) / 2
        localizer = ThresholdTemporalLocalizer(level, max_gap_sec=MERGE_GAP_SEC)
        spans = localizer(scores[:1], times_sec, len(times_sec) / 2, exclusive=False)[0].spans
        expected += [(path, span.start_sec, span.end_sec) for span in spans]
    assert answer.found
    assert sorted((m.video, m.start_sec, m.end_sec) for m in answer.moments) == sorted(expected)
    assert answer.best_score == pytest.approx(max(s[0].max() for s in peaks.values()), abs=1e-3)
    found = [moment.score for moment in answer.moments]
    assert found == sorted(found, reverse=True)
    assert all(m.start_sec <= m.peak_sec < m.end_sec and m.place is None for m in answer.moments)


def test_the_best_is_not_shown_for_found_when_it_is_below_the_threshold(index, peaks):
    none, every = (
        index.search(QUERIES, threshold=0.999, everything=everything, places=False)
        for everything in (False, True)
    )

    for i, (answer, shown) in enumerate(zip(none, every, strict=True)):
        assert (answer.found, answer.moments) == (False, ())
        assert answer.best_score == pytest.approx(max(s[i].max() for s in peaks.values()), abs=1e-3)
        assert not shown.found
        assert shown.moments[0].score == pytest.approx(answer.best_score)
        assert not any(moment.found for moment in shown.moments)
        assert len(shown.moments) == 3  # no second peak so near in these short videos


def test_no_more_moments_than_asked_and_the_threshold_is_the_models(index, door):
    (answer,) = index.search(['flip it over'], top=2, places=False)

    assert answer.threshold == float(door.inferencer.model.query_threshold)
    assert len(answer.moments) == 2


def test_where_is_what_ground_says_of_the_whole_video(index, door, library):
    (answer,) = index.search(['flip it over'])
    whole = Grounder.__new__(Grounder)
    whole.inferencer = door.inferencer
    result = {p: whole.ground(library / p, queries=['flip it over']) for p in ('a.mp4', 'b.mp4')}

    for moment in answer.moments[:2]:
        query = result[Path(moment.video).name].queries[0]
        (span,), (tube,) = query.spans, query.tubes  # the threshold is -1: all of the video
        assert (moment.start_sec, moment.end_sec) == (span.start_sec, span.end_sec)
        at = tube.times_sec.tolist().index(moment.place.time_sec)
        assert moment.place.box_px == pytest.approx(tube.boxes_px[at], abs=1.01)
        assert moment.place.frame_size == (64, 48)
        assert moment.place.thumbnail.shape == (48, 64, 3)


def test_a_long_moment_is_looked_at_around_its_peak_only(index, monkeypatch):
    from stgr.search import places

    monkeypatch.setattr(places, 'WINDOW_SEC', 1.0)
    looked_at = []
    encode = index.grounder.inferencer.encode

    def noted(path, **options):
        looked_at.append(options['span_sec'])
        return encode(path, **options)

    monkeypatch.setattr(index.grounder.inferencer, 'encode', noted)
    (answer,) = index.search(['flip it over'])

    for moment, (start_sec, end_sec) in zip(answer.moments, looked_at, strict=True):
        assert start_sec <= moment.peak_sec < end_sec <= start_sec + 1
        assert start_sec <= moment.place.time_sec < end_sec
        assert (moment.start_sec, moment.end_sec) in {(0, 3), (0, 4)}  # what was cut stays


def test_videos_that_are_gone_or_changed_are_told(index, library, other_video):
    (library / 'a.mp4').unlink()
    shutil.copy(other_video, library / 'more' / 'a.mp4')

    (answer,) = index.search(['flip it over'])

    notes = {moment.video: moment.note for moment in answer.moments}
    assert notes['a.mp4'] == 'gone since it was indexed; run stgr index again'
    assert notes['more/a.mp4'] == 'changed since it was indexed; run stgr index again'
    assert notes['b.mp4'] is None
    assert [moment.place is None for moment in answer.moments] == [
        moment.note is not None for moment in answer.moments
    ]


def test_more_frames_are_looked_up_until_they_hold_enough_moments(index, monkeypatch):
    monkeypatch.setattr('stgr.search.search_index.FIRST_FRAMES', 1)
    (few,) = index.search(['flip it over'], top=1, places=False)
    (all_of_them,) = index.search(['flip it over'], top=3, places=False)

    assert len(few.moments) == 1
    assert len(all_of_them.moments) == 3
    assert all_of_them.moments[0].score == few.moments[0].score  # two videos are alike


@pytest.mark.parametrize('kind', ['hnsw', 'ivf'])
def test_approximate_search_answers_like_the_exact_one(kind, index, build, door, tmp_path):
    pytest.importorskip('faiss')
    exact = index.search(QUERIES, places=False)
    build(kind=kind)

    with SearchIndex.open(tmp_path / 'index', grounder=door) as approximate:
        assert approximate.search(QUERIES, places=False) == exact


def test_an_open_index_answers_while_it_is_replaced(index, build, library, other_video, door):
    before = index.search(QUERIES, places=False)
    shutil.copy(other_video, library / 'new.mp4')
    build()

    assert index.search(QUERIES, places=False) == before
    with SearchIndex.open(index.folder, grounder=door) as renewed:
        assert len(renewed.manifest.videos) == 4


def test_an_index_that_is_replaced_while_it_is_opened_is_opened_again(
    index, build, library, door, monkeypatch
):
    from stgr.search import search_index

    load, calls = search_index.load_manifest, []

    def load_then_replace(folder):
        manifest = load(folder)
        if not calls:
            calls.append(folder)
            (library / 'b.mp4').unlink()
            thread = threading.Thread(target=build)
            thread.start()
            thread.join()
        return manifest

    monkeypatch.setattr(search_index, 'load_manifest', load_then_replace)
    with SearchIndex.open(index.folder, grounder=door) as renewed:
        assert len(renewed.manifest.videos) == 2


@pytest.mark.parametrize('damage', ['flipped', 'cut', 'gone', 'json', 'field'])
def test_damage_is_noticed_before_anything_is_answered(damage, index, door):
    path = index.folder / index.manifest.vectors.name
    data, manifest = path.read_bytes(), index.folder / 'index.json'
    if damage in ('flipped', 'cut'):
        path.write_bytes(data[:-1] + (b'' if damage == 'cut' else bytes([data[-1] ^ 1])))
    elif damage == 'gone':
        path.unlink()
    else:
        text = manifest.read_text()
        manifest.write_text(text[:-9] if damage == 'json' else text.replace('"num_frames"', '"n"'))

    with pytest.raises((ValueError, FileNotFoundError), match='again with stgr index'):
        SearchIndex.open(index.folder, grounder=door)


def test_the_index_loads_its_own_model_and_refuses_others(index, tiny_model, tmp_path):
    from safetensors.torch import load_file, save_file

    with SearchIndex.open(index.folder, device='cpu') as opened:
        assert opened.search(QUERIES, places=False) == index.search(QUERIES, places=False)

    weights = load_file(tiny_model[1])
    weights['query_threshold'] += 0.5
    save_file(weights, tmp_path / 'other.safetensors')
    with pytest.raises(ValueError, match='search with that model, or index again with this one'):
        SearchIndex.open(index.folder, weights=tmp_path / 'other.safetensors', device='cpu')


def test_bad_requests_are_refused(index):
    with pytest.raises(ValueError, match='top must be at least 1'):
        index.search(['egg'], top=0)
    with pytest.raises(ValueError, match='given more than once'):
        index.search(['egg', 'egg '])
    with pytest.raises(ValueError, match='threshold must be a finite number'):
        index.search(['egg'], threshold=float('nan'))
