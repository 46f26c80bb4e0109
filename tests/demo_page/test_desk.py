"""The work behind the page: encode once, answer often, keep little."""

import csv
import io
import math
from dataclasses import replace

import numpy as np
import pytest

from stgr.apis.export import export_answers, load_answers
from stgr.demo_page import desk as desk_module
from stgr.demo_page.desk import GoneError, GroundingDesk
from stgr.io import VideoError
from stgr.io.results import load_result

QUERIES = ('grate cheese', 'slice carrot', 'fly a kite')


@pytest.fixture
def desk(grounder, tmp_path):
    with GroundingDesk(grounder, tmp_path) as open_desk:
        yield open_desk


@pytest.fixture
def shown(desk, kitchen):
    return desk.show(kitchen)


@pytest.fixture
def encodings(monkeypatch, grounder):
    """Names of the videos encoded so far, and their features."""
    seen = []
    encode = grounder.encode

    def watch(video, *, progress=None):
        encoded = encode(video, progress=progress)
        seen.append((video.name, encoded))
        return encoded

    monkeypatch.setattr(grounder, 'encode', watch)
    return seen


def features_lie_on_disk(encoded):
    return encoded.features.path.exists()


def test_a_video_is_encoded_once_for_many_questions_and_again_when_it_changes(
    desk, kitchen, encodings, tmp_path
):
    video = tmp_path / 'copy.mp4'
    video.write_bytes(kitchen.read_bytes())
    shown = desk.show(video)
    desk.ask(shown, ['crack egg'], exclusive=False)
    answer = desk.ask(shown, QUERIES, exclusive=True)
    desk.move(answer.key, 0.1)
    assert len(encodings) == 1

    video.write_bytes(kitchen.read_bytes() + b'\0')
    desk.ask(shown, ['crack egg'], exclusive=False)
    assert len(encodings) == 2


def test_features_of_few_videos_are_kept_and_none_when_the_desk_closes(
    grounder, kitchen, encodings, tmp_path, monkeypatch
):
    monkeypatch.setattr(desk_module, 'MOST_ENCODED', 2)
    with GroundingDesk(grounder, tmp_path) as desk:
        for name in ('a.mp4', 'b.mp4', 'c.mp4'):
            (tmp_path / name).write_bytes(kitchen.read_bytes())
        for name in ('a.mp4', 'b.mp4', 'a.mp4', 'c.mp4'):  # b was used longest ago
            desk.ask(desk.show(tmp_path / name), ['crack egg'], exclusive=False)
        kept = {name: features_lie_on_disk(encoded) for name, encoded in encodings}
        assert kept == {'a.mp4': True, 'b.mp4': False, 'c.mp4': True}
    assert not any(features_lie_on_disk(encoded) for _, encoded in encodings)


@pytest.mark.parametrize('exclusive', [False, True])
def test_spans_at_a_threshold_are_those_of_asking_anew(desk, shown, exclusive):
    answer = desk.ask(shown, QUERIES, exclusive=exclusive)
    scores = np.concatenate([query.frame_scores for query in answer.result.queries])
    for threshold in (-1.0, *np.quantile(scores, [0.3, 0.7, 1]).tolist(), 1.5):
        again = desk.ask(shown, QUERIES, exclusive=exclusive, threshold=threshold)
        expected = [query.spans for query in again.result.queries]
        assert desk.spans_at(answer.key, threshold) == expected
        assert desk.move(answer.key, threshold).result.settings['threshold'] == threshold


def test_a_threshold_of_one_question_is_not_that_of_the_next(desk, shown):
    before = desk.ask(shown, QUERIES, exclusive=False).result
    desk.ask(shown, QUERIES, exclusive=False, threshold=0.0)
    after = desk.ask(shown, QUERIES, exclusive=False).result

    assert after.settings == before.settings
    assert [q.spans for q in after.queries] == [q.spans for q in before.queries]


def test_a_threshold_that_is_no_number_is_refused(desk, shown):
    answer = desk.ask(shown, ['crack egg'], exclusive=False)
    with pytest.raises(ValueError, match='finite number'):
        desk.spans_at(answer.key, math.nan)


def test_what_is_not_kept_any_more_says_so(desk, shown, monkeypatch):
    monkeypatch.setattr(desk_module, 'MOST_ANSWERS', 1)
    old = desk.ask(shown, ['crack egg'], exclusive=False)
    desk.files(old)
    desk.ask(shown, ['crack egg'], exclusive=False)

    assert not old.folder.exists()
    with pytest.raises(GoneError, match='press Find again'):
        desk.spans_at(old.key, 0.5)
    with pytest.raises(GoneError, match='choose it again'):
        desk.shown('no such key')


def test_a_video_that_cannot_be_read_is_not_shown(desk, tmp_path):
    (tmp_path / 'broken.mp4').write_bytes(b'broken')
    with pytest.raises(VideoError, match='not a readable video'):
        desk.show(tmp_path / 'broken.mp4')


def test_the_files_hold_the_answer_and_the_name_of_the_video_only(desk, shown, tmp_path):
    answer = desk.ask(shown, QUERIES, exclusive=False)
    files = desk.files(answer, overlay=True)

    assert [file.name for file in files] == [
        'result.json', 'heatmaps.npz', 'answers.csv', 'overlay.mp4',
    ]  # fmt: skip
    loaded = load_result(answer.folder)
    assert loaded.video == replace(answer.result.video, path='kitchen.mp4')
    assert [q.spans for q in loaded.queries] == [q.spans for q in answer.result.queries]
    rows = list(csv.reader(io.StringIO((answer.folder / 'answers.csv').read_text())))
    assert rows[0][:6] == ['video', 'query', 'found', 'score', 'start_sec', 'end_sec']
    assert rows[0][6:] == ['query_probability', 'span_probability']  # the model is calibrated
    assert ['kitchen.mp4', 'fly a kite', 'no'] in [row[:3] for row in rows]
    (table,) = export_answers(load_answers(answer.folder), 'csv', tmp_path / 'exported.csv')
    assert table.read_bytes() == (answer.folder / 'answers.csv').read_bytes()
    assert b'moov' in (answer.folder / 'overlay.mp4').read_bytes()


def test_the_table_quotes_what_a_spreadsheet_would_split(desk, shown):
    answer = desk.ask(shown, ['egg, "cracked"'], exclusive=False, threshold=9.0)
    desk.files(answer)
    line = (answer.folder / 'answers.csv').read_text().splitlines()[1]

    assert '"egg, ""cracked""",no,' in line
