import json
import math

import numpy as np
import pytest

from stgr.annotation import Step, WorkVideo, merge_annotations, read_work, work_packages
from stgr.annotation.answers import Answer, annotators, read_history, write_history
from stgr.annotation.project import begin_work
from stgr.annotation.work import write_work
from stgr.datasets import GroundingYouTube
from stgr.datasets.grounding_youtube_repair import read_clicks

FIVE = ('ann', 'bob', 'cem', 'dee', 'eve')


@pytest.fixture
def give(folder, work):
    """Return a function that saves what annotators say: (step, second) -> point or status."""

    def save(**answers):
        for name, given in answers.items():
            history = [
                Answer(*frame, said) if isinstance(said, str) else Answer(*frame, 'point', said)
                for frame, said in given.items()
            ]
            write_history(folder, name, work[0], history)

    return save


def written(folder, name):
    return json.loads((folder / name).read_text())


def test_five_people_make_a_benchmark_that_the_data_set_reads(give, folder):
    clicked = {
        (0, 1): [(100, 90), (110, 90), (120, 120), None, None],  # 3 of 5
        (0, 2): [(100, 90), (100, 90), None, None, None],  # 2 of 5
        (1, 3): [(300, 200)] * 5,
    }
    give(**{
        name: {frame: said[i] or 'cannot_solve' for frame, said in clicked.items()}
        for i, name in enumerate(FIVE)
    })  # fmt: skip

    report = merge_annotations(folder)

    # The margin of 320 x 240 is 48 x 36.
    assert written(folder, 'box_anno.json') == {
        'kitchen': [
            {'second': 1, 'box': [52, 54, 168, 156], 'step_name': 'crack egg'},
            {'second': 3, 'box': [252, 164, 320, 236], 'step_name': 'stir pan'},
        ]
    }
    item = GroundingYouTube(str(folder), videos_dir=None, durations='durations.json')[0]
    assert item['labels'] == [None, 'crack egg', None, 'stir pan', None, None]
    assert item['boxes_px'][[1, 3]].tolist() == [[52, 54, 168, 156], [252, 164, 320, 236]]
    assert (item['frame_size'], item['duration_sec']) == ((320, 240), 6.0)
    assert [(s.first_sec, s.last_sec) for s in item['segments']] == [(0, 2), (2, 5)]
    by_pool = GroundingYouTube(str(folder), videos_dir=None, pool='vid2step')[0]
    assert by_pool['pool'] == ['crack egg', 'stir pan']
    assert (report.annotators, report.quorums, report.num_boxes) == (FIVE, {'kitchen': 3}, 2)
    assert (report.num_frames, report.num_unfinished, report.num_present) == (7, 4, 2)
    assert [path.name for path in folder.glob('.partial-*')] == []


def test_teams_share_the_videos_and_each_is_a_majority_of_its_own(kitchen, tmp_path):
    (tmp_path / 'actions.txt').write_text('stir\n')
    bathroom = kitchen.with_name('bathroom.mp4')
    bathroom.write_bytes(kitchen.read_bytes())
    videos = begin_work(tmp_path, [kitchen, bathroom], tmp_path / 'actions.txt')
    teams = {'kitchen': ('ann', 'bob', 'cat'), 'bathroom': ('dan', 'eve', 'fay')}
    for video in videos:
        for name in teams[video.video_id][:2]:
            write_history(tmp_path, name, video, [Answer(0, 1, 'point', (5, 5))])
        write_history(
            tmp_path, teams[video.video_id][2], video, [Answer(0, 1, 'cannot_solve', None)]
        )

    report = merge_annotations(tmp_path)

    assert report.quorums == {'kitchen': 2, 'bathroom': 2}, '2 of 3, not 4 of 6'
    assert (report.num_present, report.num_boxes) == (2, 2)


def test_steps_are_refined_and_keep_their_number(give, folder):
    give(ann={(1, 3): (1, 1), (1, 5): (1, 1)})

    merge_annotations(folder)

    assert written(folder, 'ground_seg.json')['kitchen'] == [
        {'segment': [3, 5], 'id': 1, 'sentence': 'stir pan'}
    ]
    assert written(folder, 'seg.json')['kitchen'] == [
        {'segment': [0, 2], 'id': 0, 'sentence': 'crack egg'},
        {'segment': [2, 5], 'id': 1, 'sentence': 'stir pan'},
    ]


def test_an_action_looked_for_everywhere_has_a_segment_per_run(kitchen, tmp_path):
    (tmp_path / 'actions.txt').write_text('stir\ncrack egg\n')
    (video,) = begin_work(tmp_path, [kitchen], tmp_path / 'actions.txt')
    write_history(
        tmp_path, 'ann', video, [Answer(0, second, 'point', (5, 5)) for second in (0, 1, 4)]
    )

    merge_annotations(tmp_path)

    assert written(tmp_path, 'seg.json')['kitchen'] == [
        {'segment': [0, 1], 'id': 0, 'sentence': 'stir'},
        {'segment': [4, 4], 'id': 1, 'sentence': 'stir'},
    ]
    assert written(tmp_path, 'vid2step.json') == {'kitchen': ['stir', 'crack egg', 'background']}


@pytest.mark.parametrize(
    ('first', 'second', 'owner', 'reason'),
    [
        (2, 3, 'stir pan', 'more clicks'),
        (3, 2, 'crack egg', 'more clicks'),
        (2, 2, 'crack egg', 'as many: the earlier step'),
    ],
)
def test_a_shared_second_goes_to_the_step_with_more_clicks(
    give, folder, first, second, owner, reason
):
    give(**{
        name: {
            (0, 2): (10, 10) if i < first else 'cannot_solve',
            (1, 2): (90, 90) if i < second else 'cannot_solve',
        }
        for i, name in enumerate(FIVE)
    })  # fmt: skip

    report = merge_annotations(folder, quorum=2)

    boxes = written(folder, 'box_anno.json')['kitchen']
    assert [boxed['step_name'] for boxed in boxes] == [owner], reason
    assert (report.num_present, report.num_boxes) == (2, 1)
    refined = written(folder, 'ground_seg.json')['kitchen']
    assert [segment['sentence'] for segment in refined] == [owner]


def test_clicks_are_stretched_to_the_frame_of_the_boxes(give, folder):
    give(ann={(0, 0): (160, 120)})

    merge_annotations(folder, box_rule='release', frame_size=(640, 480))

    assert written(folder, 'box_anno.json')['kitchen'][0]['box'] == [220, 140, 420, 340]
    assert written(folder, 'id2wh_new.json') == {'kitchen': [640, 480]}
    assert written(folder, 'id2wh.json') == {'kitchen': [320, 240]}
    assert written(folder, 'clicks_mean.json') == [
        {'image_url': 'kitchen/kitchen_0_crack_egg.jpg', 'x': 320, 'y': 240, 'mean_dist': 0}
    ]


def test_mean_clicks_follow_the_released_file(give, folder):
    give(ann={(0, 0): (0, 0), (0, 1): 'cannot_solve'}, bob={(0, 0): (6, 8)})

    merge_annotations(folder)

    assert written(folder, 'clicks_mean.json') == [
        {'image_url': 'kitchen/kitchen_0_crack_egg.jpg', 'x': 3, 'y': 4, 'mean_dist': 5},
        {'image_url': 'kitchen/kitchen_1_crack_egg.jpg', 'x': None, 'y': None, 'mean_dist': None},
    ]
    assert read_clicks(folder / 'clicks_mean.json') == {('kitchen', 0, 'crack egg'): 3}


def test_agreement_is_over_the_frames_that_all_have_answered(give, folder):
    give(
        ann={(0, 0): (0, 0), (0, 1): 'cannot_solve', (0, 2): (9, 9)},
        bob={(0, 0): (30, 40), (0, 1): 'corrupt'},
    )

    report = merge_annotations(folder)

    assert report.presence_kappa == 1  # both times the same: clicked, not clicked
    assert report.mean_distance_px == 50
    assert (report.num_corrupt, report.num_unfinished) == (0, 5)


def test_one_annotator_agrees_with_nobody(give, folder):
    give(ann={(0, 0): 'corrupt'})

    report = merge_annotations(folder)

    assert math.isnan(report.presence_kappa)
    assert math.isnan(report.mean_distance_px)
    assert (report.num_corrupt, report.num_boxes) == (1, 0)
    assert written(folder, 'box_anno.json') == {'kitchen': []}
    assert GroundingYouTube(str(folder), videos_dir=None)[0]['labels'] == [None] * 12


def test_nothing_to_merge_is_said(work, folder, tmp_path):
    with pytest.raises(FileNotFoundError, match='holds no annotations'):
        merge_annotations(folder)
    with pytest.raises(FileNotFoundError, match='holds no annotations'):
        merge_annotations(tmp_path / 'nowhere')
    with pytest.raises(ValueError, match=r"box_rule='papr' must be one of paper, release"):
        merge_annotations(folder, box_rule='papr')


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'second': 3}, r'answers\[0\]: second 3 lies outside 0-2'),
        ({'status': 'maybe'}, r'answers\[0\]: status'),
        ({'name': 'stir pan'}, r'answers\[0\].name is .stir pan., but the step is .crack egg.'),
        ({'x': None}, r'answers\[0\].x must be a number'),
    ],
)
def test_an_edited_file_of_clicks_is_named(give, folder, work, change, message):
    give(ann={(0, 0): (1, 2)})
    path = folder / 'clicks' / 'ann' / 'kitchen.json'
    document = json.loads(path.read_text())
    document['answers'][0].update(change)
    path.write_text(json.dumps(document))

    with pytest.raises(ValueError, match=f'kitchen.json: {message}'):
        read_history(folder, 'ann', work[0])


def test_a_file_that_is_no_annotator_is_not_one(give, folder):
    give(ann={(0, 0): (1, 2)})
    (folder / 'clicks' / '.trash').mkdir()

    assert annotators(folder) == ['ann']


def test_long_steps_are_done_in_parts_that_cover_every_second_once():
    steps = tuple(Step('stir', first, first + length, timed=True) for first, length in
                  ((0, 0), (3, 59), (5, 60), (7, 1234)))  # fmt: skip
    video = WorkVideo('v', 'v.mp4', (8, 8), 2000.0, steps)

    for index, step in enumerate(steps):
        parts = [package for package in work_packages(video) if package.step == index]
        seconds = [s for part in parts for s in range(part.first_sec, part.last_sec + 1)]
        sizes = [part.last_sec - part.first_sec + 1 for part in parts]
        assert seconds == list(range(step.first_sec, step.last_sec + 1))
        assert max(sizes) <= 60
        assert max(sizes) - min(sizes) <= 1


def test_work_is_taken_up_again_and_more_videos_may_join(work, folder, kitchen, actions, tmp_path):
    assert read_work(folder) == work
    assert begin_work(folder, [kitchen], actions) == work
    other = tmp_path / 'other.mp4'
    other.write_bytes(kitchen.read_bytes())
    (tmp_path / 'more.txt').write_text('1-2 stir')

    both = begin_work(folder, [other], tmp_path / 'more.txt')

    assert [video.video_id for video in both] == ['kitchen', 'other']
    assert both[0] == work[0]


def test_work_that_would_mix_up_answers_is_refused(work, folder, kitchen, tmp_path):
    (tmp_path / 'other.txt').write_text('stir')
    with pytest.raises(ValueError, match="'kitchen' was begun with other steps"):
        begin_work(folder, [kitchen], tmp_path / 'other.txt')
    with pytest.raises(ValueError, match="two videos are called 'kitchen'"):
        begin_work(folder, [kitchen, tmp_path / 'kitchen.mkv'], tmp_path / 'other.txt')
    assert read_work(folder) == work


def test_a_work_file_that_points_elsewhere_is_refused(work, folder):
    text = (folder / 'work.json').read_text()
    (folder / 'work.json').write_text(text.replace('"kitchen"', '"../kitchen"'))

    with pytest.raises(ValueError, match='video_id must be a file name'):
        read_work(folder)


def test_random_answers_survive_the_files(work, folder):
    rng = np.random.default_rng(0)
    history = [
        Answer(0, int(second), 'point', (round(float(x), 1), round(float(y), 1)))
        for second, x, y in zip(
            rng.integers(0, 3, 50), rng.uniform(0, 320, 50), rng.uniform(0, 240, 50), strict=True
        )
    ]
    write_work(folder, work)
    write_history(folder, 'ann', read_work(folder)[0], history)

    assert read_history(folder, 'ann', work[0]) == history
