"""Released sets of boxes, merged classes, ignored seconds, frames beside the second."""

import os
from pathlib import Path

import numpy as np
import pytest

from stgr.datasets import GroundingYouTube
from stgr.datasets.class_merging import NAMED_MAPS, class_map
from stgr.datasets.grounding_youtube_files import Segment, step_at

REAL = Path(os.environ.get('STGR_DATA_ROOT', 'not set')) / 'annotations' / 'grounding_youtube'
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason='STGR_DATA_ROOT has no GroundingYouTube')


@pytest.fixture
def root(tmp_path, write_json):
    write_json('id2xy_box.json', {'v': {'4': [9, 9, 5, 20], '2': [1, 2, 30, 40]}})
    write_json('id2wh_new.json', {'v': [640, 480]})
    write_json(
        'seg.json',
        {
            'v': [
                {'segment': [1, 3], 'id': 0, 'sentence': 'crack_eggs'},
                {'segment': [4, 6], 'id': 1, 'sentence': 'stir'},
            ]
        },
    )
    return tmp_path


def build(root, **changes):
    return GroundingYouTube(str(root), **{'boxes': 'any_click', 'videos_dir': None, **changes})


def test_boxes_without_names_take_them_from_the_segments(root):
    data = build(root)

    assert data[0]['labels'][:6] == [None, None, 'crack eggs', None, 'stir', None]
    assert data[0]['boxes_px'][4].tolist() == [9, 9, 5, 20]
    assert data.metainfo['num_empty'] == 1  # x2 < x1: counted, and kept as it is


@pytest.mark.parametrize(
    ('second', 'name'),
    [(0, None), (1, 'a'), (3, 'b'), (5, 'b'), (6, None)],
)
def test_the_later_step_has_a_shared_second(second, name):
    assert step_at([Segment(1, 3, 'a'), Segment(3, 5, 'b')], second) == name


def test_a_box_that_nothing_names_is_an_error(root, write_json):
    write_json('id2xy_box.json', {'v': {'9': [1, 2, 3, 4]}})

    with pytest.raises(ValueError, match=r'v\.9 has no step name, and none of the 2 segments'):
        len(build(root))
    with pytest.raises(ValueError, match='give the segments file'):
        len(build(root, segments=None))


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{"v": {"1": [1, 2, 3, 4], "01": [1, 2, 3, 4]}}', 'second box for second 1'),
        ('{"v": {"1": [1, 2, 3, 4], "1": [5, 6, 7, 8]}}', "'1' is given twice in one object"),
        ('{"v": {}, "v": {}}', "'v' is given twice in one object"),
        ('{"v": {\n"1": [1, 2,, 3]}}', r'id2xy_box.json:2: broken JSON'),
        ('{"v": {"1": [1, 2, 3]}}', r'v\.1 needs 4 finite numbers'),
    ],
)
def test_doubled_seconds_and_broken_files_are_named(root, text, message):
    (root / 'id2xy_box.json').write_text(text)

    with pytest.raises(ValueError, match=message):
        len(build(root))


def test_names_of_options_and_videos_show_near_ones(root):
    with pytest.raises(ValueError, match="boxes='any_clik' is unknown; did you mean any_click"):
        build(root, boxes='any_clik')
    with pytest.raises(ValueError, match='did you mean ignore'):
        build(root, unlabelled='ignored')
    with pytest.raises(ValueError, match="no video 'w'; there are 1: v"):
        build(root).video('w')
    with pytest.raises(ValueError, match="serve unlabelled='ignore' only"):
        build(root, untrimmed='seg.json')


def test_seconds_of_a_step_without_a_box_can_be_ignored(root, write_json):
    counted = {name: build(root, **options)[0]['eval_mask'] for name, options in CASES.items()}
    write_json('long.json', {'v': [{'segment': [0, 3], 'id': 0, 'sentence': 'x'}]})
    longer = build(root, unlabelled='ignore', untrimmed='long.json')[0]['eval_mask']

    assert counted['background'].all()
    # 1..3 and 4..6 are steps; 2 and 4 have boxes.
    assert np.flatnonzero(~counted['ignore']).tolist() == [1, 3, 5, 6]
    assert np.flatnonzero(~longer).tolist() == [0, 1, 3]


CASES = {'background': {}, 'ignore': {'unlabelled': 'ignore'}}


@pytest.mark.parametrize(
    ('offset', 'expected'),
    [(0, [0, 1, 2]), (0.5, [0.5, 1.5, 2.5]), (-1, [0, 0, 1]), (-2, [0, 0, 0])],
)
def test_a_second_can_be_seen_in_another_frame(root, offset, expected):
    times_sec = build(root, second_offset=offset)[0]['frame_times_sec']

    assert times_sec[:3] == pytest.approx(expected, abs=1e-8)
    assert (np.diff(times_sec) > 0).all()


def test_merged_classes_are_one_in_boxes_pools_and_segments(root, write_json):
    write_json('vid2step.json', {'v': ['crack eggs', 'crack egg', 'stir', 'background']})
    write_json('merge.json', {'crack eggs': 'crack egg', 'crack egg': 'crack egg', 'stir': 'stir'})

    item = build(root, classes='merge.json', pool='vid2step')[0]

    assert item['pool'] == ['crack egg', 'stir']
    assert item['gt_labels'][[2, 4]].tolist() == [0, 1]
    assert [step.step_name for step in item['segments']] == ['crack egg', 'stir']


def test_classes_may_be_a_function_or_a_named_map(root, monkeypatch):
    monkeypatch.setitem(NAMED_MAPS, 'verbs', lambda root: lambda name: name.split()[0])

    assert build(root, classes=str.upper)[0]['pool'] == ['CRACK EGGS', 'STIR']
    assert build(root, classes='verbs')[0]['pool'] == ['crack', 'stir']


def test_a_map_of_classes_says_what_it_lacks(root):
    with pytest.raises(ValueError, match="'crack eggs' has no class; did you mean crack egg"):
        len(build(root, classes={'crack egg': 'crack egg'}))
    with pytest.raises(ValueError, match="classes='no such map' names no map of classes"):
        class_map('no such map', root)
    with pytest.raises(ValueError, match="must be a name of an action, but is 'background'"):
        class_map(lambda _: 'background', root)('stir')
    with pytest.raises(FileNotFoundError):
        class_map('none.json', root)


@needs_real
def test_the_set_of_any_click_has_the_known_numbers():
    data = GroundingYouTube(str(REAL), 'any_click', videos_dir=None)
    majority = GroundingYouTube(str(REAL), videos_dir=None)
    both = [
        (data.boxes[video][second], box)
        for video, boxes in majority.boxes.items()
        for second, box in boxes.items()
        if second in data.boxes[video]
    ]

    assert (data.metainfo['num_boxes'], data.metainfo['num_empty']) == (17_506, 52)
    assert majority.metainfo['num_empty'] == 18
    assert len(both) == 13_773
    assert sum(one.box_px != other.box_px for one, other in both) == 50


@needs_real
def test_the_later_step_is_the_better_guess_on_the_released_names():
    data = GroundingYouTube(str(REAL), videos_dir=None)
    boxed = [
        (video, second, box.step_name)
        for video, boxes in data.boxes.items()
        for second, box in boxes.items()
    ]

    assert sum(step_at(data.segments[v], second) == name for v, second, name in boxed) == 17_217


@needs_real
def test_the_released_steps_make_the_known_number_of_tubes():
    """A second is the first segment's of its name.

    3,346 pairs of a video and a released string; one video has both spellings of sauté.
    """
    instances, classes = set(), set()
    for item in GroundingYouTube(str(REAL), videos_dir=None):
        steps = [step for step in item['segments'] if step.last_sec > step.first_sec]
        for second, label in enumerate(item['labels']):
            owners = (
                number
                for number, step in enumerate(steps)
                if step.step_name == label and step.first_sec <= second <= step.last_sec
            )
            instances.add((item['video_id'], next(owners, None)))
            classes.add((item['video_id'], label))

    assert sum(number is not None for _, number in instances) == 4_499
    assert sum(label is not None for _, label in classes) == 3_345


@needs_real
def test_the_released_steps_have_the_known_number_of_ignored_seconds():
    items = list(GroundingYouTube(str(REAL), videos_dir=None, unlabelled='ignore'))
    ignored = np.concatenate([~item['eval_mask'] for item in items])
    boxed = np.concatenate([item['gt_labels'] >= 0 for item in items])

    assert ignored.sum() == 8_347
    assert not (ignored & boxed).any()


def test_the_canonical_classes_are_those_of_the_list_beside_the_boxes(root):
    (root / 'weakYouTube_dict.txt').write_text('crack_egg\nstir_it\nstir\nbackground\n')

    item = build(root, classes='canonical512')[0]

    assert item['pool'] == ['crack egg', 'stir']
    (root / 'weakYouTube_dict.txt').unlink()
    with pytest.raises(FileNotFoundError, match='weakYouTube_dict'):
        build(root, classes='canonical512')[0]


@needs_real
def test_canonical_classes_have_the_known_numbers(tmp_path):
    for folder in (REAL, REAL.parent / 'mining_youtube'):
        for file in folder.iterdir():
            (tmp_path / file.name).unlink(missing_ok=True)
            (tmp_path / file.name).symlink_to(file)
    data = build(tmp_path, boxes='agree', classes='canonical512')

    boxed = {one.step_name for boxes in data.boxes.values() for one in boxes.values()}
    steps = [(name, step) for name in data.segments for step in data.segments[name]]
    held = {
        step.step_name
        for name, step in steps
        if any(step.first_sec <= second <= step.last_sec for second in data.boxes[name])
    }

    assert len({step.step_name for _, step in steps}) == 512
    assert (len(boxed), held - boxed) == (491, {'seal roll'})
