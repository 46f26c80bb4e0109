"""Whole videos with what is said at each second; and videos named by a list."""

import json

import numpy as np
import pytest

from stgr.datasets import NarratedVideos
from stgr.datasets.video_folder import VideoFolder


@pytest.fixture
def root(tmp_path):
    captions = {
        'egg': {
            'start': [0.6, 2.0, 3.4, 6.0],
            'end': [1.6, 3.4, 4.6, 7.0],
            'text': ['crack it', 'whisk it', 'crack it', 'fry it'],
        },
        'soup': {'start': [0.0], 'end': [1.0], 'text': ['boil it']},
        'mute': {'start': [], 'end': [], 'text': []},
    }
    (tmp_path / 'val.json').write_text(json.dumps(captions))
    (tmp_path / 'durations.json').write_text(json.dumps({'egg': 5.2, 'soup': 2.0}))
    return tmp_path


def videos(root, **changes):
    return NarratedVideos(str(root), 'val.json', None, **{'durations': 'durations.json', **changes})


def test_each_second_has_the_narration_said_in_its_middle(root):
    item = videos(root).video('egg')

    # Middles at 0.5 (before the first), 1.5, 2.5, 3.5, 4.5 and 5.5 s; 'fry it' comes after the end.
    assert item['labels'] == [None, 'crack it', 'whisk it', 'crack it', 'crack it', None]
    assert item['pool'] == ['crack it', 'whisk it']
    np.testing.assert_array_equal(item['gt_labels'], [-1, 0, 1, 0, 0, -1])
    assert item['eval_mask'].all()
    np.testing.assert_array_equal(item['frame_times_sec'], range(6))


def test_seconds_of_narrations_that_are_not_asked_for_do_not_count(root):
    item = videos(root, max_queries=1).video('egg')

    assert item['pool'] == ['crack it']
    np.testing.assert_array_equal(item['eval_mask'], [True, True, False, True, True, True])
    np.testing.assert_array_equal(item['gt_labels'], [-1, 0, -1, 0, 0, -1])


def test_videos_without_a_word_or_left_out_are_no_items(root):
    assert videos(root).video_ids == ['egg', 'soup']
    assert videos(root, leave_out=['egg']).video_ids == ['soup']
    assert videos(root, max_videos=1).video_ids == ['egg']
    with pytest.raises(ValueError, match='no narrated video is left'):
        len(videos(root, leave_out=['egg', 'soup']))


def test_a_list_names_videos_anywhere(tmp_path):
    (tmp_path / 'videos.json').write_text(json.dumps({'egg': '/far/away.mkv', 'soup': 'near.mp4'}))

    found = VideoFolder(tmp_path / 'videos.json')

    assert found.path('egg') == '/far/away.mkv'
    assert found.path('soup') == str(tmp_path / 'near.mp4')
    assert found.path('salad') is None
    assert found.check(['egg', 'soup'], max_missing=0) == []


def test_a_list_that_names_no_path_is_refused(tmp_path):
    (tmp_path / 'videos.json').write_text('{"egg": 3}')

    with pytest.raises(ValueError, match=r'videos\.json: egg must be a string'):
        VideoFolder(tmp_path / 'videos.json').path('egg')
