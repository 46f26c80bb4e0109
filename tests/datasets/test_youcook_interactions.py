"""YouCook-Interactions: boxes, segments with their sentences, frames, bad files."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from stgr.apis.model_hub import load_config
from stgr.datasets import YouCookInteractions
from stgr.datasets.youcook_interactions_files import (
    NATIVE_VIDEOS,
    SentenceSegment,
    interaction_frame_size,
)
from stgr.registry import DATASETS, METRICS

REAL = Path(os.environ.get('STGR_DATA_ROOT', 'not set')) / 'annotations' / 'youcook2_interactions'
pytestmark = pytest.mark.filterwarnings('ignore:.*is guessed')
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason='STGR_DATA_ROOT has no YouCook2')
NATIVE = 'oJZUxU9szWA'

_BOXES = {
    'v': {
        7: (1, 2, 30, 40.5),
        5: (10, 20, 10, 40),  # without width
        6: (5, 6, 7, 8),
        20: (0, 0, 9, 9),  # in no segment
    },
    NATIVE: {3: (500, 300, 1201.5, 718.5)},
    'unboxed': {},
}
_SEGMENTS = {('v', 6, 9), ('v', 4, 6), (NATIVE, 3, 4), ('unboxed', 1, 2)}


@pytest.fixture
def root(tmp_path, write_json):
    def annotated(*rows):
        rows = [{'segment': [a, b], 'id': 0, 'sentence': text} for a, b, text in rows]
        return {'duration': 30.5, 'annotations': rows}

    write_pickles(tmp_path)
    write_json(
        'youcookii_annotations_trainval.json',
        {
            'database': {
                'v': annotated((4, 6, 'stir it '), (6, 8, 'chop'), (15, 19, 'eat'), (15, 16, 'x')),
                NATIVE: annotated((3, 9, 'taste')),
                'unboxed': annotated((1, 2, 'wash')),
            }
        },
    )
    return tmp_path


def write_pickles(root, boxes=_BOXES, segments=_SEGMENTS):
    (root / 'final_dataset_annotations.pkl').write_bytes(pickle.dumps(boxes, 3))
    (root / 'final_dataset_segments.pkl').write_bytes(pickle.dumps(segments, 3))


def build(root, **changes):
    return YouCookInteractions(str(root), **{'videos_dir': None, **changes})


@pytest.fixture
def data(root, write_json):
    write_json('sizes.json', {NATIVE: [1280, 720], 'v': [1920, 1080]})
    return build(root, sizes='sizes.json')


def test_an_item_is_a_video_with_its_boxed_seconds(data):
    item = data[1]

    assert (item['video_id'], item['video_path'], item['duration_sec']) == ('v', None, 30.5)
    assert item['seconds'].tolist() == [5, 6, 7]
    assert item['frame_times_sec'].tolist() == [4, 5, 6]
    assert item['pool'] == ['chop', 'stir it']
    assert item['labels'] == ['stir it', 'stir it', 'chop']
    assert item['gt_labels'].tolist() == [1, 1, 0]
    assert item['boxes_px'].tolist() == [[10, 20, 10, 40], [5, 6, 7, 8], [1, 2, 30, 40.5]]
    assert (item['frame_size'], item['frame_size_source']) == ((640, 360), 'known')
    assert item['segments'] == [SentenceSegment(4, 6, 'stir it'), SentenceSegment(6, 9, 'chop')]


def test_a_shared_second_is_there_once_and_scored_twice_by_the_scripts(data):
    # Second 6 (row 1) ends one segment and begins the next.
    assert data[1]['evaluations'].tolist() == [[0, 0], [1, 0], [1, 1], [2, 1]]


def test_what_is_left_out_is_counted(data):
    facts = data.metainfo

    assert [item['video_id'] for item in data] == [NATIVE, 'v']
    assert (facts['num_videos'], facts['num_videos_without_box']) == (2, 1)
    assert (facts['num_segments'], facts['num_segment_seconds']) == (4, 4 + 3 + 2 + 2)
    assert (facts['num_boxes'], facts['num_evaluations']) == (4, 5)
    assert (facts['num_boxes_outside_segments'], facts['num_degenerate_boxes']) == (1, 1)
    assert facts['frame_sizes'] == {'known': 2}


def test_the_frame_of_a_second_is_shown_where_the_offset_says(root):
    item = build(root, second_offset=0)[1]

    assert item['frame_times_sec'].tolist() == item['seconds'].tolist()
    with pytest.raises(ValueError, match=r"second_offset=-4 puts a second of video 'oJZ.*before"):
        len(build(root, second_offset=-4))


@pytest.mark.parametrize(
    ('video_id', 'native', 'expected', 'reason'),
    [
        ('v', (1920, 1080), ((640, 360), 'known'), 'made to fit'),
        ('v', (640, 480), ((480, 360), 'known'), 'made to fit, not squashed'),
        ('v', (320, 240), ((320, 240), 'known'), 'never enlarged'),
        ('v', None, ((640, 360), 'assumed'), 'most are 16:9'),
        (NATIVE, (1280, 720), ((1280, 720), 'known'), 'annotated as uploaded'),
        (NATIVE, None, ((1280, 720), 'guessed'), 'the smallest usual size with the box'),
        ('9Y9_OBnJub0', None, ((640, 480), 'known'), 'the exception'),
        ('9Y9_OBnJub0', (1440, 1080), ((640, 480), 'known'), 'the exception'),
    ],
)
def test_boxes_have_the_frame_they_were_drawn_in(video_id, native, expected, reason):
    boxes = {3: (500.0, 300.0, 1201.5, 718.5)}

    assert interaction_frame_size(video_id, native, boxes) == expected, reason


def test_boxes_larger_than_any_usual_size_still_get_a_frame():
    size = interaction_frame_size(NATIVE, None, {3: (0.0, 0.0, 5000.5, 10.0)})

    assert size == ((5001, 10), 'guessed')


def test_guessed_sizes_are_warned_about_and_counted(root):
    data = build(root)

    with pytest.warns(UserWarning, match=rf'frame size of 1 videos .* \({NATIVE}\) is guessed'):
        data.full_init()
    assert data.metainfo['frame_sizes'] == {'assumed': 1, 'guessed': 1}


def test_the_video_itself_tells_its_size(root, tiny_video):
    (root / 'videos').mkdir()
    for name in ('v', NATIVE):
        tiny_video(root / 'videos' / f'{name}.mp4', size=(1280, 720))

    data = build(root, videos_dir='videos')

    assert data[0]['frame_size'] == (1280, 720)
    assert data[1]['frame_size'] == (640, 360)
    assert data.metainfo['frame_sizes'] == {'known': 2}
    assert data[1]['duration_sec'] == pytest.approx(1)


@pytest.fixture
def tiny_video():
    """Write a video of one second."""
    from stgr.io import write_video

    def write(path, size):
        width, height = size
        write_video(path, [np.zeros((height, width, 3), np.uint8)] * 2, 2)

    return write


@pytest.mark.parametrize(
    ('boxes', 'message'),
    [
        ([], 'must hold a dict of videos, but holds a list'),
        ({'v': 3}, "'v' must be an id with a dict"),
        ({3: {}}, '3 must be an id'),
        ({'v': {-1: (1, 2, 3, 4)}}, r'v: a second is a whole number >= 0, got -1'),
        ({'v': {True: (1, 2, 3, 4)}}, 'got True'),
        ({'v': {1.5: (1, 2, 3, 4)}}, r'got 1\.5'),
        ({'v': {1: (1, 2, 3)}}, r'v: 1: a box is 4 finite numbers, got \(1, 2, 3\)'),
        ({'v': {1: 'abcd'}}, "got 'abcd'"),
        ({'v': {1: (1, 2, 3, float('nan'))}}, 'a box is 4 finite numbers'),
        ({'v': {1: (1, 2, 3, 10**400)}}, 'a box is 4 finite numbers'),
    ],
)
def test_malformed_boxes_are_named(root, boxes, message):
    write_pickles(root, boxes=boxes)
    with pytest.raises(ValueError, match=rf'final_dataset_annotations\.pkl.*{message}'):
        len(build(root))


@pytest.mark.parametrize(
    ('segments', 'message'),
    [
        ({'v': 1}, 'must hold a set of segments, but holds a dict'),
        ({('v', 4)}, r"a segment is \(video_id, start, end\), got \('v', 4\)"),
        ({('v', 4, 3)}, r'v: 4\.\.3 ends before it begins'),
        ({('v', 4, 6.5)}, r'v: a second is a whole number >= 0, got 6\.5'),
        ({('v', 5, 6)}, r'v: no sentences belong to 5\.\.6; they start at \[4, 6, 15, 15\]'),
        ({('v', 15, 17)}, r'v: no sentences belong to 15\.\.17'),
        ({('x', 1, 2)}, 'they start at no second, as the video is not in the file'),
    ],
)
def test_malformed_segments_are_named(root, segments, message):
    write_pickles(root, segments=segments)
    with pytest.raises(ValueError, match=rf'final_dataset_segments\.pkl.*{message}'):
        len(build(root))


def test_the_end_tells_two_sentences_with_one_start_apart(root):
    write_pickles(root, {'v': {15: (1, 2, 3, 4)}}, {('v', 15, 16)})

    assert build(root)[0]['labels'] == ['x']


def test_malformed_sentences_are_named(root, write_json):
    name = 'youcookii_annotations_trainval.json'
    (root / name).write_text('{"database": {"v":\n {,')
    with pytest.raises(ValueError, match=rf'{name}:2: broken JSON'):
        len(build(root))
    write_json(name, {'database': {'v': {'duration': 3, 'annotations': [{'segment': [1]}]}}})
    with pytest.raises(ValueError, match=r'v\.annotations\[0\]\.segment must be two seconds'):
        len(build(root))


def test_a_pickle_that_would_run_something_is_refused(root):
    (root / 'final_dataset_annotations.pkl').write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(ValueError, match=r'final_dataset_annotations\.pkl asks for os\.system'):
        len(build(root))


def _answered(item):
    """An evaluation record of a system that points to the middle of each true box."""
    middle = item['boxes_px'].reshape(-1, 2, 2).mean(axis=1)
    return {
        **item,
        'times': item['frame_times_sec'],
        'gt_boxes_px': item['boxes_px'],
        'pred_labels': item['gt_labels'],
        'pred_scores': np.ones(len(middle)),
        'pred_points_px': middle,
        'pred_boxes_px': item['boxes_px'],
        'query_points_px': middle,
        'query_boxes_px': item['boxes_px'],
    }


def test_the_evaluation_config_scores_the_items(root):
    config = load_config('eval/youcook_interactions')
    dataset = {**config.test_dataloader.dataset, 'data_root': str(root), 'videos_dir': None}
    data = DATASETS.build({**dataset, 'pipeline': []})
    metric = METRICS.build(config.test_evaluator)
    metric.process(None, [_answered(item) for item in data])

    found = metric.evaluate(len(data))

    # Four boxes; nothing can overlap the one without width.
    assert found['grounding/pointing/num_frames'] == 4
    assert found['grounding/spatial/iou_hit_micro'] == 0.75
    assert found['grounding/num_empty_boxes'] == 1


@needs_real
def test_the_released_files_have_the_known_numbers():
    data = YouCookInteractions(str(REAL), videos_dir=None)
    facts = data.metainfo

    assert (facts['num_videos'], facts['num_segments']) == (91, 254)
    assert (facts['num_boxes'], facts['num_evaluations']) == (2488, 2496)
    assert facts['num_segment_seconds'] == 6238
    assert facts['num_boxes'] + facts['num_boxes_outside_segments'] == 2570
    assert facts['num_degenerate_boxes'] == 1
    assert facts['frame_sizes'] == {'assumed': 83, 'guessed': 7, 'known': 1}
    halves = [
        any(side % 1 for side in box) for boxes in data.boxes.values() for box in boxes.values()
    ]
    assert sum(halves) == 1122
    x1, _, x2, _ = data.boxes['InDwfZmSikI'][74]
    assert x2 <= x1 or data.boxes['InDwfZmSikI'][74][3] <= data.boxes['InDwfZmSikI'][74][1]


# All boxes, and those without the videos annotated at their own size.
@needs_real
@pytest.mark.parametrize(
    ('point', 'wanted'), [((320, 180), (28.85, 30.02)), ((311, 264), (50.96, 53.43))]
)
def test_constant_points_hit_as_measured_before(point, wanted):
    hits, native = [], []
    for item in YouCookInteractions(str(REAL), videos_dir=None):
        x1, y1, x2, y2 = item['boxes_px'][item['evaluations'][:, 0]].T
        inside = (x1 <= point[0]) & (point[0] <= x2) & (y1 <= point[1]) & (point[1] <= y2)
        hits.extend(inside)
        native.extend([item['video_id'] in NATIVE_VIDEOS] * len(inside))

    hits, native = np.array(hits), np.array(native)
    assert 100 * hits.mean() == pytest.approx(wanted[0], abs=0.0051)
    assert 100 * hits[~native].mean() == pytest.approx(wanted[1], abs=0.0051)
    assert native.sum() == 151
