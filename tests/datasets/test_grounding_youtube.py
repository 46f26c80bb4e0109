import os
from pathlib import Path

import numpy as np
import pytest

from stgr.datasets import GroundingYouTube
from stgr.datasets.grounding_youtube_files import normalise_step_name, read_boxes

REAL = Path(os.environ.get('STGR_DATA_ROOT', 'not set')) / 'annotations' / 'grounding_youtube'


@pytest.fixture
def root(tmp_path, write_json):
    write_json(
        'box_anno.json',
        {
            'v': [
                {'second': 3, 'box': [1, 2, 30, 40], 'step_name': 'stir_pan'},
                {'second': 1, 'box': [5, 6, 70, 80], 'step_name': 'crack egg'},
            ],
            'w': [{'second': 0, 'box': [0, 0, 9, 9], 'step_name': 'sautu00e9 it'}],
        },
    )
    write_json('id2wh_new.json', {'v': [640, 480], 'w': [480, 640]})
    write_json(
        'seg.json',
        {'v': [{'segment': [2, 5], 'id': 0, 'sentence': 'stir_pan'}], 'w': []},
    )
    write_json('vid2step.json', {'v': ['stir pan', 'background'], 'w': ['sauté it', 'x']})
    return tmp_path


def build(root, **changes):
    return GroundingYouTube(str(root), **{'videos_dir': None, **changes})


def test_an_item_is_a_video_with_the_truth_of_every_second(root):
    item = build(root, pad_sec=2)[0]

    assert item['pool'] == ['crack egg', 'stir pan']
    # Last annotated second 5 (of the segment), and 2 to the assumed end.
    assert item['frame_times_sec'].tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert item['labels'] == [None, 'crack egg', None, 'stir pan', None, None, None]
    assert item['gt_labels'].tolist() == [-1, 0, -1, 1, -1, -1, -1]
    assert item['boxes_px'][[0, 1, 3]].tolist() == [[0] * 4, [5, 6, 70, 80], [1, 2, 30, 40]]
    assert (item['frame_size'], item['pad_sec'], item['duration_sec']) == ((640, 480), 2, 7.0)
    assert item['segments'][0].step_name == 'stir pan'


@pytest.mark.parametrize(
    ('duration_sec', 'seconds', 'reason'),
    [
        (7.0, 7, 'second 7 begins when the video is over'),
        (7.01, 8, 'second 7 is seen for a moment'),
        (2.0, 4, 'a box after the end still counts'),
    ],
)
def test_the_length_of_the_video_is_used_where_it_is_known(
    root, write_json, duration_sec, seconds, reason
):
    write_json('durations.json', {'v': duration_sec, 'w': 1})

    item = build(root, durations='durations.json')[0]

    assert len(item['labels']) == seconds, reason
    assert item['pad_sec'] is None


def test_the_pool_can_come_from_the_step_file_and_tells_what_it_lacks(root):
    item = build(root, pool='vid2step')[0]

    assert item['pool'] == ['stir pan']
    assert item['unasked'] == ['crack egg']
    assert item['gt_labels'].tolist()[:4] == [-1, 1, -1, 0]
    assert build(root)[0]['unasked'] == []


def test_the_global_pool_holds_the_names_of_all_videos(root):
    data = build(root, pool='global')

    assert data[0]['pool'] == data[1]['pool'] == ['crack egg', 'sauté it', 'stir pan']
    assert data[1]['gt_labels'][0] == 1


def test_both_released_schemas_give_the_same_boxes(root, write_json):
    other = write_json(
        'other.json',
        {
            'v': {
                '3': {'box': [1, 2, 30, 40], 'step': 'stir pan'},
                '1': {'box': [5, 6, 70, 80], 'step': 'crack egg'},
            },
            'w': {'0': {'box': [0, 0, 9, 9], 'step': 'sauté it'}},
        },
    )

    assert read_boxes(other) == read_boxes(root / 'box_anno.json')
    assert list(read_boxes(other)['v']) == [1, 3]


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('stir_egg', 'stir egg'),
        ('sautu00e9 it', 'sauté it'),
        ('saute\u0301 it', 'sauté it'),
        (' stir it_ ', 'stir it'),
        ('Add Salt', 'Add Salt'),
    ],
)
def test_step_names_are_spelt_alike(name, expected):
    assert normalise_step_name(name) == expected


@pytest.mark.parametrize(
    ('boxes', 'message'),
    [
        ([{'second': 1, 'box': [1, 2, 3], 'step_name': 'x'}], r'box_anno.json: v\[0\].box needs 4'),
        ([{'second': 1, 'box': [1, 2, 3, 'x'], 'step_name': 'x'}], 'numbers'),
        ([{'second': 1.5, 'box': [1, 2, 3, 4], 'step_name': 'x'}], 'whole number'),
        ([{'second': -1, 'box': [1, 2, 3, 4], 'step_name': 'x'}], 'the clock starts at 0'),
        ([{'second': 1, 'box': [1, 2, 3, 4]}], 'step is missing'),
        ([{'second': 1, 'box': [1, 2, 3, 4], 'step_name': 'x'}] * 2, 'second box for second 1'),
        ({'a': {'box': [1, 2, 3, 4], 'step': 'x'}}, 'a second must be a whole number'),
        ('x', 'must be an object'),
        ([3], 'v.0'),
    ],
)
def test_malformed_boxes_are_named(root, write_json, boxes, message):
    write_json('box_anno.json', {'v': boxes})

    with pytest.raises(ValueError, match=message):
        len(build(root))


def test_files_that_disagree_are_named(root, write_json):
    write_json('id2wh_new.json', {'v': [640, 480]})
    with pytest.raises(ValueError, match=r"id2wh_new.json has no frame size of video 'w'"):
        len(build(root))


def test_a_missing_video_is_an_error(root):
    (root / 'videos').mkdir()
    (root / 'videos' / 'w.mp4').touch()

    with pytest.raises(FileNotFoundError, match=r'1 of 2 videos missing \(v\)'):
        len(build(root, videos_dir='videos'))
    with pytest.raises(FileNotFoundError, match='no such folder of videos'):
        len(build(root, videos_dir='elsewhere'))


def test_unknown_options_name_near_ones(root):
    with pytest.raises(ValueError, match='did you mean global'):
        build(root, pool='globl')
    with pytest.raises(ValueError, match='pad_sec=0'):
        build(root, pad_sec=0)


@pytest.mark.skipif(not REAL.is_dir(), reason='STGR_DATA_ROOT has no GroundingYouTube')
def test_the_released_files_have_the_known_numbers():
    data = GroundingYouTube(str(REAL), videos_dir=None)
    items = list(data)

    assert data.metainfo['num_boxes'] == 17_316
    assert len(items) == 250
    assert len({name for item in items for name in item['pool']}) == 659  # 660, one of them twice
    boxed = np.concatenate([item['gt_labels'] for item in items]) >= 0
    assert boxed.sum() == 17_316
    boxes_px = np.concatenate([item['boxes_px'] for item in items])[boxed]
    assert (boxes_px[:, 3] > 480).sum() == 2_111
    assert (boxes_px[:, 2:] <= boxes_px[:, :2]).any(axis=1).sum() == 18
    segments = [segment for item in items for segment in item['segments']]
    assert len(segments) == 5_132
    assert sum(segment.last_sec <= segment.first_sec for segment in segments) == 41


@pytest.mark.skipif(not REAL.is_dir(), reason='STGR_DATA_ROOT has no GroundingYouTube')
def test_the_released_pools_miss_the_known_number_of_seconds():
    items = list(GroundingYouTube(str(REAL), videos_dir=None, pool='vid2step'))

    assert sum((item['gt_labels'] >= len(item['pool'])).sum() for item in items) == 2_660


def test_videos_without_steps_are_told_and_refused_where_steps_decide(root, write_json):
    write_json('seg.json', {})

    with pytest.warns(UserWarning, match=r'seg.json has no segments of 2 of 2 videos, such as'):
        assert build(root)[0]['segments'] == []
    with pytest.raises(ValueError, match="unlabelled='ignore' needs them of every video"):
        len(build(root, unlabelled='ignore'))
