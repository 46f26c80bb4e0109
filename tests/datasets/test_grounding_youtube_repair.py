import os
from pathlib import Path

import pytest

from stgr.datasets import GroundingYouTube
from stgr.datasets.grounding_youtube_files import BoxedSecond
from stgr.datasets.grounding_youtube_repair import read_clicks, repair_boxes

REAL = Path(os.environ.get('STGR_DATA_ROOT', 'not set')) / 'annotations' / 'grounding_youtube'
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason='STGR_DATA_ROOT has no GroundingYouTube')
WIDE, TALL = (640, 480), (480, 640)


@pytest.mark.parametrize(
    ('box', 'mean_x', 'size', 'expected', 'reason'),
    [
        ((10, 20, 300, 580), None, WIDE, (10, 20, 300, 480), 'y2 ends with the frame'),
        ((10, 20, 300, 580), None, TALL, (10, 20, 300, 580), 'this frame is 640 high'),
        # Leftmost click 400, mean 420, so rightmost 440 and the edge 540.
        ((300, 0, 480, 90), 420.0, WIDE, (300, 0, 540, 90), 'symmetric about the mean'),
        ((300, 0, 480, 90), 480.0, WIDE, (300, 0, 640, 90), 'no further than the frame'),
        ((300, 0, 480, 90), 380.0, WIDE, (300, 0, 480, 90), 'never smaller than released'),
        ((490, 0, 480, 90), 600.0, WIDE, (490, 0, 640, 90), 'an inverted box opens'),
        ((300, 0, 480, 90), None, WIDE, (300, 0, 480, 90), 'unknown click: left as it is'),
        ((300, 0, 480, 90), 420.0, TALL, (300, 0, 480, 90), '480 is the edge of this frame'),
        ((300, 0, 479, 90), 420.0, WIDE, (300, 0, 479, 90), 'not cut'),
    ],
)
def test_a_cut_box_is_mended_by_its_click(box, mean_x, size, expected, reason):
    clicks = {} if mean_x is None else {('v', 7, 'fry'): mean_x}

    repair = repair_boxes({'v': {7: BoxedSecond(box, 'fry')}}, {'v': size}, clicks)

    assert repair.boxes['v'][7].box_px == expected, reason
    assert bool(repair.flagged) == (reason.startswith('unknown')), reason


def test_what_was_done_is_counted():
    cut, low, empty = (300, 0, 480, 90), (0, 400, 90, 500), (490, 0, 480, 90)
    boxes = {
        'v': {second: BoxedSecond(box, 'stir') for second, box in enumerate([cut, cut, low, empty])}
    }
    clicks = {('v', 0, 'stir'): 420.0, ('v', 1, 'stir'): 380.0, ('v', 3, 'another step'): 600.0}

    repair = repair_boxes(boxes, {'v': WIDE}, clicks)

    assert repair.counts == {
        'num_y2_cut': 1,
        'num_x2_moved': 1,
        'num_x2_kept': 1,
        'num_x2_unknown': 1,
        'num_empty': 1,
    }
    assert repair.flagged == {('v', 3)}  # the click belongs to the other step of that second


def test_a_frame_that_is_480_wide_and_640_high_was_clipped_rightly():
    boxes = {'v': {0: BoxedSecond((300, 0, 480, 580), 'stir')}}

    repair = repair_boxes(boxes, {'v': TALL}, {('v', 0, 'stir'): 420.0})

    assert repair.boxes == boxes
    assert not any(repair.counts.values())


def test_clicks_are_read_by_video_second_and_step(write_json):
    url = 'https://x/y/a_1_b/a_1_b_30_sautu00e9_it.jpg'  # the id of the video holds _1_
    path = write_json(
        'clicks.json',
        [
            {'image_url': url, 'x': 12.5, 'y': 3.0, 'mean_dist': 0.0},
            {'image_url': 'https://x/y/v/v_4_fry.jpg', 'x': None, 'y': None, 'mean_dist': None},
        ],
    )

    assert read_clicks(path) == {('a_1_b', 30, 'sauté it'): 12.5}


@pytest.mark.parametrize(
    ('entries', 'message'),
    [
        ([{'image_url': 'x/v/w_4_fry.jpg', 'x': 1, 'y': 1}], 'must end in VIDEO/VIDEO_SECOND_STEP'),
        ([{'image_url': 'x/v/v_fry.jpg', 'x': 1, 'y': 1}], 'must end in'),
        ([{'image_url': 'x/v/v_4_fry.jpg', 'x': 'a', 'y': 1}], r'clicks.json:\[0\].x must be a'),
        ([{'image_url': 'x/v/v_4_fry.jpg', 'x': 1, 'y': 1}] * 2, 'comes twice'),
        ({}, 'must be a list'),
    ],
)
def test_malformed_clicks_are_named(write_json, entries, message):
    with pytest.raises(ValueError, match=message):
        read_clicks(write_json('clicks.json', entries))


def test_the_data_set_repairs_flags_and_counts(tmp_path, write_json):
    boxes = [
        {'second': 0, 'box': [300, 0, 480, 500], 'step_name': 'stir'},
        {'second': 1, 'box': [300, 0, 480, 90], 'step_name': 'stir'},
    ]
    write_json('box_anno.json', {'v': boxes})
    write_json('id2wh_new.json', {'v': [640, 480]})
    write_json('clicks.json', [{'image_url': 'x/v/v_0_stir.jpg', 'x': 420, 'y': 1}])
    options = {'segments': None, 'videos_dir': None}

    data = GroundingYouTube(str(tmp_path), repair=True, clicks='clicks.json', **options)
    released = GroundingYouTube(str(tmp_path), **options)

    assert data[0]['boxes_px'][:2].tolist() == [[300, 0, 540, 480], [300, 0, 480, 90]]
    assert data[0]['boxes_flagged'][:3].tolist() == [False, True, False]
    assert data.metainfo['num_x2_unknown'] == data.metainfo['num_x2_moved'] == 1
    assert released[0]['boxes_px'][0].tolist() == [300, 0, 480, 500]
    assert not released[0]['boxes_flagged'].any()
    with pytest.raises(ValueError, match='set repair=True'):
        GroundingYouTube(str(tmp_path), clicks='clicks.json', **options)


@needs_real
def test_the_released_boxes_are_mended_as_far_as_the_clicks_tell():
    data = GroundingYouTube(str(REAL), videos_dir=None, repair=True, clicks='clicks_mean_21k.json')
    counts, released = data.repaired.counts, GroundingYouTube(str(REAL), videos_dir=None).boxes
    moved = [
        data.boxes[video][second].box_px[2] - 480
        for video, boxes in released.items()
        for second, box in boxes.items()
        if box.box_px[2] == 480 and (video, second) not in data.repaired.flagged
    ]

    # 2,111 below 480, of which 4 in the one frame that is 640 high.
    assert counts['num_y2_cut'] == 2_107
    assert counts['num_x2_moved'] + counts['num_x2_kept'] + counts['num_x2_unknown'] == 5_119
    assert len(moved) == 4_090  # 4,089 by the released spelling of sauté
    assert sum(moved) / len(moved) == pytest.approx(63, abs=0.5)
    assert counts['num_empty'] == 6  # those without a click
