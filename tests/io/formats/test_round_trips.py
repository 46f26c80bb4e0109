"""What is written comes back, in what each format can hold."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from format_answers import make_answers

from stgr.io.formats import FORMATS, KnownVideos, find_format

# Facts that a file may not hold are told from outside, as --video does.
FACTS = tuple(replace(make_answers(name), queries=()) for name in ('kitchen', 'garden'))
SECONDS_ONLY = ('srt', 'vtt')  # their files do not name the video
EXACT = ('json', 'csv', 'activitynet', 'coco-video', 'via')


def put(folder, kind, videos, known=None):
    content = kind.write(videos, known or KnownVideos())
    path = folder / f'answers{kind.suffix}'
    for name, part in {'': content}.items() if isinstance(content, bytes) else content.items():
        file = path / name if name else path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(part)
    return path


def back(folder, kind, videos, known=None):
    known = known or KnownVideos(FACTS if kind.many else FACTS[:1])
    return kind.read(put(folder, kind, videos, known), known)


def spans_of(answers):
    return {
        answer.query: [(span.start_sec, span.end_sec) for span in answer.spans]
        for answer in answers.queries
        if answer.spans
    }


@pytest.mark.parametrize('kind', FORMATS.values(), ids=list(FORMATS))
def test_every_span_comes_back_with_its_query(kind, tmp_path):
    """All times lie on frames of 25 per second and on milliseconds, so none is rounded."""
    (found,) = back(tmp_path, kind, [make_answers()])

    expected = spans_of(make_answers())
    assert spans_of(found).keys() == expected.keys()
    for query, spans in spans_of(found).items():
        np.testing.assert_allclose(spans, expected[query], atol=0 if kind.name in EXACT else 1e-9)
    assert found.video_id == 'kitchen'
    assert (found.width, found.height, found.duration_sec, found.fps) == (64, 48, 4.0, 25.0)


@pytest.mark.parametrize('kind', FORMATS.values(), ids=list(FORMATS))
def test_what_was_not_found_comes_back_where_the_format_can_say_so(kind, tmp_path):
    (found,) = back(tmp_path, kind, [make_answers()])

    asked = ('fly a kite', 'rühren 蛋')
    assert found.not_found == (asked if kind.holds_not_found else ())


@pytest.mark.parametrize('kind', FORMATS.values(), ids=list(FORMATS))
def test_nothing_found_at_all_is_an_answer(kind, tmp_path):
    answers = make_answers()
    nothing = replace(answers, queries=tuple(q for q in answers.queries if not q.found))

    (found, *_) = back(tmp_path, kind, [nothing]) or (replace(nothing, queries=()),)

    assert spans_of(found) == {}
    assert len(found.queries) == (2 if kind.holds_not_found else 0)


BOXED = [kind for kind in FORMATS.values() if kind.holds_boxes]


@pytest.mark.parametrize('kind', BOXED, ids=[kind.name for kind in BOXED])
def test_boxes_come_back_at_their_times(kind, tmp_path):
    (found,) = back(tmp_path, kind, [make_answers()])

    (egg,) = (one for one in found.queries if one.query.startswith('crack'))
    seen = egg.spans[0].visible
    times = egg.spans[0].times_sec[seen]
    first, last = np.isclose(times, 0.4), np.isclose(times, 1.2)
    assert (first.sum(), last.sum()) == (1, 1)
    boxes = egg.spans[0].boxes_px[seen]
    np.testing.assert_allclose(boxes[first], [[8, 6, 24.5, 30]], atol=0.01)
    np.testing.assert_allclose(boxes[last], [[16, 12, 40, 36]], atol=0.01)
    # The key frame where a tool begins to draw, and the one where it stops, repeat the nearest box.
    np.testing.assert_allclose(egg.spans[1].boxes_px, [[0, 0, 32, 24]] * len(egg.spans[1].boxes_px))
    assert 3.2 in np.round(egg.spans[1].times_sec, 9)


@pytest.mark.parametrize('kind', BOXED, ids=[kind.name for kind in BOXED])
def test_a_span_without_boxes_stays_one(kind, tmp_path):
    (found,) = back(tmp_path, kind, [make_answers()])

    (whisk,) = (one for one in found.queries if one.query.startswith('whisk'))
    assert not whisk.spans[0].visible.any()


@pytest.mark.parametrize('name', ['json', 'coco-video', 'label-studio', 'fiftyone'])
def test_scores_come_back(name, tmp_path):
    (found,) = back(tmp_path, find_format(name), [make_answers()])

    assert [span.score for span in found.queries[0].spans] == [0.75, 0.5]
    assert [answer.score for answer in found.queries] == [0.75, -0.125, 0.25, 0.0]


def with_probabilities():
    """The answers of a calibrated model: one span is not judged."""
    answers = make_answers()
    egg, kite, *others = answers.queries
    spans = (replace(egg.spans[0], probability=0.625), egg.spans[1])
    egg = replace(egg, spans=spans, probability=0.875)
    return replace(answers, queries=(egg, replace(kite, probability=0.0), *others))


CALIBRATED = ('json', 'csv', 'activitynet', 'coco-video', 'label-studio', 'fiftyone', 'otio')


@pytest.mark.parametrize('name', CALIBRATED)
def test_probabilities_come_back(name, tmp_path):
    (found,) = back(tmp_path, find_format(name), [with_probabilities()])

    assert [span.probability for span in found.queries[0].spans] == [0.625, None]
    assert [answer.probability for answer in found.queries] == [0.875, 0.0, None, None]


def test_the_table_of_a_calibrated_model_by_hand(tmp_path):
    rows = put(tmp_path, find_format('csv'), [with_probabilities()]).read_text().splitlines()

    assert rows[:4] == [
        'video,query,found,score,start_sec,end_sec,query_probability,span_probability',
        'videos/kitchen.mp4,crack an egg & <stir>,yes,0.75,0.4,1.6,0.875,0.625',
        'videos/kitchen.mp4,crack an egg & <stir>,yes,0.5,3.0,4.0,0.875,',
        'videos/kitchen.mp4,fly a kite,no,-0.125,,,0.0,',
    ]


@pytest.mark.parametrize('kind', FORMATS.values(), ids=list(FORMATS))
def test_nothing_is_said_of_probabilities_that_nobody_told(kind, tmp_path):
    path = put(tmp_path, kind, [make_answers()])

    files = [path] if path.is_file() else [file for file in path.rglob('*') if file.is_file()]
    assert not any('probability' in file.read_text() for file in files)


@pytest.mark.parametrize('name', ['json', 'csv', 'activitynet'])
def test_a_probability_above_1_is_refused_with_its_place(name, tmp_path):
    path = put(tmp_path, find_format(name), [with_probabilities()])
    path.write_text(path.read_text().replace('0.625', '62.5'))

    with pytest.raises(ValueError, match=r'answers\.\w+.*a probability from 0 to 1'):
        find_format(name).read(path, KnownVideos(FACTS[:1]))


def test_own_json_comes_back_value_for_value(tmp_path):
    (found,) = back(tmp_path, find_format('json'), [make_answers()])

    expected = make_answers()
    for ours, theirs in zip(found.queries, expected.queries, strict=True):
        assert (ours.query, ours.score) == (theirs.query, theirs.score)
        for one, other in zip(ours.spans, theirs.spans, strict=True):
            assert np.array_equal(one.times_sec, other.times_sec)
            assert np.array_equal(one.boxes_px, other.boxes_px)
            assert np.array_equal(one.visible, other.visible)


MANY = [kind for kind in FORMATS.values() if kind.many]


@pytest.mark.parametrize('kind', MANY, ids=[kind.name for kind in MANY])
def test_several_videos_stay_apart(kind, tmp_path):
    found = back(tmp_path, kind, [make_answers('kitchen'), make_answers('garden')])

    assert [one.video_id for one in found] == ['kitchen', 'garden']
    assert spans_of(found[0]).keys() == spans_of(found[1]).keys()


FRAMES = ('vidstg', 'label-studio', 'cvat', 'fiftyone', 'edl', 'otio')


@pytest.mark.parametrize('name', FRAMES)
@pytest.mark.parametrize(
    ('start', 'end', 'first', 'stop'),
    [
        (0.40, 1.60, 10, 40),  # on frames: start inside, end outside
        (0.41, 1.59, 11, 40),  # frame 10 is before it, frame 39 (1.56 s) is inside
        (0.41, 0.43, 11, 12),  # between two frames: the next one
        (3.99, 4.00, 99, 100),  # after the last frame's time: the last frame
    ],
)
def test_a_span_is_the_frames_shown_within_it(name, start, end, first, stop, tmp_path):
    kind, answers = find_format(name), make_answers()
    span = replace(answers.queries[2].spans[0], start_sec=start, end_sec=end)
    answers = replace(answers, queries=(replace(answers.queries[2], spans=(span,)),))

    (found,) = back(tmp_path, kind, [answers], KnownVideos(FACTS[:1]))

    got = spans_of(found)['whisk, "fast"']
    np.testing.assert_allclose(got, [(first / 25, stop / 25)])


@pytest.mark.parametrize('name', ['vidstg', 'label-studio', 'cvat', 'fiftyone'])
def test_frames_of_uneven_videos_are_those_of_the_file(name, tmp_path):
    """Frames 0..9 are a tenth of a second apart, then 90 of 1/30 s: an average of 25."""
    times = np.concatenate([np.arange(10) / 10, 1 + np.arange(90) / 30])
    known = KnownVideos(FACTS[:1], {'kitchen': times})

    (found,) = back(tmp_path, find_format(name), [make_answers()], known)

    start, end = spans_of(found)['crack an egg & <stir>'][0]
    assert (start, end) == (pytest.approx(0.4), pytest.approx(1.6))
    content = put(tmp_path, find_format(name), [make_answers()], known)
    text = ''.join(f.read_text() for f in ([content] if content.is_file() else content.rglob('*')
                                           ) if Path(f).is_file())  # fmt: skip
    frame = {'vidstg': '"tube_start_frame": 4', 'label-studio': '"start": 5', 'cvat': 'frame="4"'}
    assert frame.get(name, '"5-28"') in text  # frame 4, from 0, is at 0.4 s; at 25 it would be 10


@pytest.mark.parametrize('kind', FORMATS.values(), ids=list(FORMATS))
def test_damaged_files_are_one_line_that_names_the_file(kind, tmp_path):
    """Cut anywhere, a file is refused by name or read: never another exception."""
    path = put(tmp_path, kind, [make_answers()])
    file = path if path.is_file() else path / 'labels' / 'kitchen.json'
    content = file.read_bytes()
    for share in (0.0, 0.2, 0.5, 0.8, 0.97):
        file.write_bytes(content[: int(len(content) * share)])
        try:
            kind.read(path, KnownVideos(FACTS[:1]))
        except ValueError as error:
            assert str(file) in str(error)  # noqa: PT017 - reading is allowed to succeed


JSON = [kind for kind in FORMATS.values() if kind.suffix in ('.json', '.otio')]


@pytest.mark.parametrize('kind', JSON, ids=[kind.name for kind in JSON])
@pytest.mark.parametrize('value', [None, 7, 'text', [], {}, [3], {'a': 1}])
def test_json_of_something_else_is_refused_with_its_place(kind, value, tmp_path):
    file = tmp_path / 'answers.json'
    file.write_text(json.dumps(value))
    if kind.name == 'label-studio' and value == []:
        pytest.skip('no task is a list of tasks')

    with pytest.raises(ValueError, match=r'answers\.json'):
        kind.read(file, KnownVideos())


def test_an_unknown_format_lists_the_known_ones():
    with pytest.raises(ValueError, match=r'did you mean label-studio.*there are csv, json'):
        find_format('labelstudio')


def places(value, path=()):
    """Yield the path of every value of a document."""
    yield path
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*path, key))


def edited(document, path, value):
    copy = json.loads(json.dumps(document))
    target = copy
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return copy


@pytest.mark.parametrize('kind', [*JSON, find_format('fiftyone')], ids=lambda kind: kind.name)
def test_a_value_of_another_kind_anywhere_is_refused_or_read(kind, tmp_path):
    """Whatever a stranger writes into a field: an error that names the file, or an answer."""
    path = put(tmp_path, kind, [make_answers()])
    file = path if path.is_file() else path / 'labels' / 'kitchen.json'
    document = json.loads(file.read_text())
    for number, place in enumerate(list(places(document))[1:]):
        value = (None, 7, 'x', [], {}, -1e300, [[]], True)[number % 8]
        file.write_text(json.dumps(edited(document, place, value)))
        try:
            kind.read(path, KnownVideos(FACTS[:1]))
        except ValueError as error:
            assert str(file) in str(error), (place, value, str(error))  # noqa: PT017 - as above
        except Exception as error:
            raise AssertionError((place, value)) from error


@pytest.mark.parametrize('kind', FORMATS.values(), ids=list(FORMATS))
def test_a_video_whose_name_is_no_text_is_written(kind, tmp_path):
    path = put(tmp_path, kind, [replace(make_answers(), video='caf\udce9.mp4')])

    assert path.exists()
