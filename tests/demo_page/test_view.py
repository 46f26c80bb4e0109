"""What the viewer in the browser is told."""

import base64

import numpy as np
import pytest

from stgr.demo_page.desk import GroundingDesk
from stgr.demo_page.view import pack, view_answer, view_spans, view_video
from stgr.structures import Span


@pytest.fixture(scope='module')
def answer(grounder, kitchen, tmp_path_factory):
    with GroundingDesk(grounder, tmp_path_factory.mktemp('desk')) as desk:
        return desk.ask(desk.show(kitchen), ['grate cheese', 'fly a kite'], exclusive=False)


@pytest.fixture(scope='module')
def view(answer):
    return view_answer(answer, calibrated=0.5)


def unpack(text, dtype):
    return np.frombuffer(base64.b64decode(text), dtype)


def test_arrays_survive_the_way():
    assert unpack(pack(np.array([[1.5, -2]]), '<f4'), '<f4').tolist() == [1.5, -2]


def test_scores_and_spans_are_those_of_the_answer(answer, view):
    assert np.array_equal(unpack(view['times'], '<f8'), answer.result.times_sec)
    for query, shown in zip(answer.result.queries, view['queries'], strict=True):
        assert shown['text'] == query.query
        assert np.array_equal(unpack(shown['scores'], '<f4'), query.frame_scores)
        assert [span[:2] for span in shown['spans']] == [
            [span.start_sec, span.end_sec] for span in query.spans
        ]


def test_probabilities_are_those_of_the_answer_and_none_without_a_calibration(answer, view):
    for query, shown in zip(answer.result.queries, view['queries'], strict=True):
        assert 0 < shown['probability'] == query.probability < 1
        assert [span[3] for span in shown['spans']] == [span.probability for span in query.spans]
    assert 0 < view['queries'][0]['spans'][0][3] < 1

    bare = [[Span(0, 1, 0.5)], []]
    assert view_spans(bare) == [[[0, 1, 0.5, None]], []]


def test_the_hottest_cell_of_each_frame_is_255(answer, view):
    query, places = answer.result.queries[0], view['queries'][0]['places']
    heat = unpack(places['heat'], 'u1').reshape(-1, *places['grid'])

    assert heat.max(axis=(1, 2)).tolist() == [255] * len(heat)
    expected = query.heatmaps.values / query.heatmaps.values.max(axis=(1, 2), keepdims=True)
    assert np.abs(heat / 255 - expected).max() <= 0.5 / 255 + 1e-6
    assert np.array_equal(unpack(places['times'], '<f8'), query.heatmaps.times_sec)


def test_each_box_belongs_to_its_moment(answer, view):
    places = view['queries'][0]['places']
    boxes = unpack(places['boxes'], '<f4').reshape(-1, 4)
    times = unpack(places['box_times'], '<f8')
    (tube,) = answer.result.queries[0].tubes

    assert np.array_equal(times, tube.times_sec)
    assert np.array_equal(boxes[tube.visible], tube.boxes_px[tube.visible])
    assert not boxes[~tube.visible].any()


def test_what_was_not_found_has_no_place(view):
    assert view['queries'][1]['spans'] == []
    assert view['queries'][1]['places'] is None


def test_the_slider_spans_all_scores_and_the_threshold(answer, view):
    low, high = view['range']
    scores = np.concatenate([query.frame_scores for query in answer.result.queries])

    assert low < scores.min() < scores.max() < high
    assert low < view['threshold'] < high


def test_before_a_question_there_is_a_video_only(answer):
    view = view_video(answer.video)

    assert set(view) == {'video'}
    assert view['video']['name'] == 'kitchen.mp4'
    assert (view['video']['width'], view['video']['height']) == (320, 240)
    assert view['video']['duration'] == pytest.approx(9)
    assert not view['video']['converted']
