import os
from pathlib import Path

import numpy as np
import pytest

from stgr.datasets import GroundingYouTubeClips

REAL = Path(os.environ.get('STGR_DATA_ROOT', 'not set')) / 'annotations' / 'grounding_youtube'
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason='STGR_DATA_ROOT has no GroundingYouTube')


def step(first, last, name):
    return {'segment': [first, last], 'id': 0, 'sentence': name}


@pytest.fixture
def root(tmp_path, write_json):
    names = {2: 'stir', 4: 'stir', 5: 'fry', 8: 'stir', 12: 'fry'}
    boxes = [{'second': s, 'box': [s, 0, 50, 60], 'step_name': n} for s, n in names.items()]
    write_json('box_anno.json', {'v': boxes})
    write_json('id2wh_new.json', {'v': [640, 480]})
    write_json('seg.json', {'v': []})
    clips = [step(2, 5, 'stir'), step(11, 14, 'fry'), step(6, 9, 'chop'), step(0, 2, 'stir')]
    write_json('ground_seg_3to20.json', {'v': clips})
    return tmp_path


def build(root, **changes):
    return GroundingYouTubeClips(str(root), **{'videos_dir': None, 'pad_sec': 4, **changes})


def test_a_clip_is_a_step_with_as_much_on_either_side(root):
    clip = build(root)[0]  # stir in 2..5, so L = 3 and the window is -1..8, cut to 0..8

    assert (clip['video_id'], clip['source_video_id']) == ('v@2-5', 'v')
    assert clip['window_sec'] == (0, 8)
    assert clip['frame_times_sec'].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert clip['pool'] == ['stir']
    # 5 is boxed as another action, 8 is the same action outside the step: both are negatives.
    assert clip['gt_labels'].tolist() == [-1, -1, 0, -1, 0, -1, -1, -1, -1]
    assert clip['labels'][4] == 'stir'
    assert clip['labels'][5] is None
    assert clip['boxes_px'][[4, 5, 8]].tolist() == [[4, 0, 50, 60], [0] * 4, [0] * 4]
    assert [s.step_name for s in clip['segments']] == ['stir']


def test_a_window_ends_with_the_video(root):
    clip = build(root)[1]  # fry in 11..14, window 8..17; the video is taken to end after 12 + 4 - 1

    assert clip['window_sec'] == (8, 15)
    assert clip['frame_times_sec'].tolist() == list(range(8, 16))
    assert clip['gt_labels'].tolist() == [-1] * 4 + [0] + [-1] * 3


def test_clips_that_are_left_out_are_counted(root):
    facts = build(root).metainfo

    assert (facts['num_clips'], facts['num_clips_listed']) == (2, 4)
    assert facts['num_clips_of_other_length'] == 1  # 0..2 lasts 2 s
    assert facts['num_clips_without_own_box'] == 1  # nobody boxed 'chop'


def test_classes_are_merged_before_boxes_are_looked_for(root):
    data = build(root, classes={'stir': 'cook', 'fry': 'cook', 'chop': 'cook'})

    assert len(data) == 3
    assert data[0]['gt_labels'].tolist()[2:6] == [0, -1, 0, 0]


def test_clips_need_not_be_longer_than_asked(root):
    assert len(build(root, min_sec=2)) == 3
    assert len(build(root, max_sec=3)) == 2  # 2..5 and 11..14 last 3 s


@pytest.mark.parametrize(
    ('clips', 'options', 'message'),
    [
        ({'v': [step(2, 5, 'stir')] * 2}, {}, 'clip v@2-5 comes twice'),
        ({'vv': [step(2, 5, 'stir')]}, {}, "clips of video 'vv', which has no boxes; did you mean"),
        ({}, {'pool': 'global'}, 'the pool of a clip is its own action'),
        ({}, {'min_sec': 9, 'max_sec': 8}, 'min_sec <= max_sec'),
    ],
)
def test_wrong_clips_are_named(root, write_json, clips, options, message):
    write_json('ground_seg_3to20.json', clips)

    with pytest.raises(ValueError, match=message):
        len(build(root, **options))


def test_features_are_those_of_the_video_a_clip_is_cut_from(root, monkeypatch):
    from stgr.datasets.transforms import LoadFeatures

    asked = []
    load = LoadFeatures('no store')

    def open_file(video_id):
        asked.append(video_id)
        raise FileNotFoundError(video_id)

    monkeypatch.setattr(load.store, 'open', open_file)
    with pytest.raises(FileNotFoundError):
        load(build(root)[0])

    assert asked == ['v']


@needs_real
@pytest.mark.parametrize('file', ['ground_seg_3to20.json', 'ground_seg.json'])
def test_the_released_clips_have_the_known_numbers(file):
    data = GroundingYouTubeClips(str(REAL), file, videos_dir=None)
    clips, facts = list(data), data.metainfo

    assert facts['num_clips_listed'] - facts['num_clips_of_other_length'] == 2_869
    assert len(clips) == facts['num_clips'] == 2_739
    assert len({clip['video_id'] for clip in clips}) == 2_739
    assert sum(clip['window_sec'][0] == 0 for clip in clips) == 4
    starts = sorted({video_id for video_id, _ in data.clips})[::5]
    assert len(starts) == 50
    assert (
        sum(clip['source_video_id'] in set(sorted(data.source.boxes)[::5]) for clip in clips) == 578
    )
    always = [np.mean(clip['gt_labels'] == 0) for clip in clips]
    fifty = set(sorted(data.source.boxes)[::5])
    share = [s for clip, s in zip(clips, always, strict=True) if clip['source_video_id'] in fifty]
    # "Always positive" with the true box is right on this share: 29.7 in all but empty boxes.
    assert 100 * np.mean(share) == pytest.approx(29.7, abs=0.3)
