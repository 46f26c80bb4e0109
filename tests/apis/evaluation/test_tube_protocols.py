"""VidSTG and HC-STVG from the command line: values worked by hand."""

import json

import pytest
import torch

import stgr.localizers  # noqa: F401 - registers them
from stgr.cli import main
from stgr.datasets import VidSTG
from stgr.datasets.transforms import PackClip
from stgr.registry import METRICS

BALL = 'what does the dog chase?'


def entry(video, begin, end, clip=(0, 12)):
    return {
        'vid': video,
        'frame_count': 100,
        'fps': 10.0,
        'width': 320,
        'height': 240,
        'subject/objects': [],
        'used_segment': {'begin_fid': clip[0], 'end_fid': clip[1]},
        'temporal_gt': {'begin_fid': begin, 'end_fid': end},
        'captions': [{'description': 'a dog', 'type': 'subject', 'target_id': 0}],
        'questions': [{'description': BALL, 'type': 'object', 'target_id': 1}],
    }


def corners(target, x):
    sides = {'xmin': x, 'ymin': 0, 'xmax': x + 100, 'ymax': 100}
    return {'tid': target, 'bbox': sides, 'generated': 0, 'tracker': 'none'}


@pytest.fixture
def vidstg(tmp_path):
    """Questions 0 and 2 and captions 1 and 3; the ball is at x = 200, the dog at x = 0."""
    path = tmp_path / 'test_annotations.json'
    path.write_text(json.dumps([entry('v', 4, 8), entry('w', 0, 12)]))
    folder = tmp_path / 'vidor'
    folder.mkdir()
    frames = [[corners(0, 0), corners(1, 200)] for _ in range(12)]
    for video in 'vw':
        (folder / f'{video}.json').write_text(json.dumps({'trajectories': frames}))
    return path, ('--vidor', folder, '--sample-fps', 10)


def answer(query, span, box, frames=range(12), **more):
    frames = list(frames)
    return {'query': query, 'span': span, 'frames': frames, 'boxes': [box] * len(frames), **more}


DOG = [0, 0, 100, 100]


def test_tubes_are_scored_as_worked_by_hand(vidstg, command):
    truth, options = vidstg
    lines = [
        answer('1', [6, 10], DOG, video='v'),  # caption of v, truth 4..8
        answer(3, [0, 12], [0, 0, 100, 200]),  # caption of w, IoU 1/2 in every frame
        answer('0', [0, 4], DOG),  # question of v: too early, elsewhere
    ]  # and no answer to question 2

    found = command('vidstg', truth, lines, *options)

    declarative, interrogative = (
        found['metrics'][kind] for kind in ('declarative', 'interrogative')
    )
    # Query 1 shares 2 of 6 frames, IoU 1 there, so tIoU and vIoU are 1/3 and sIoU 1. Query 3 has
    # tIoU 1, the others are 1/2.
    assert declarative['tiou'] == pytest.approx((1 / 3 + 1) / 2)
    assert declarative['viou'] == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert declarative['siou'] == pytest.approx((1 + 1 / 2) / 2)
    assert declarative['viou@0.3'] == 1
    assert declarative['viou@0.5'] == 0  # 1/2 is not above 0.5
    assert [interrogative[key] for key in ('tiou', 'viou', 'siou')] == [0, 0, 0]
    assert found['metrics']['all']['num_queries'] == 4
    assert found['metrics']['all']['viou'] == pytest.approx((1 / 3 + 1 / 2) / 4)
    coverage = found['coverage']
    assert (coverage['queries_predicted'], coverage['queries_annotated']) == (3, 4)
    assert coverage['missing'] == ['2']
    assert (coverage['frames_predicted'], coverage['frames_annotated']) == (36, 48)


def test_trivial_tubes_stand_beside(vidstg, command):
    truth, options = vidstg
    found = command('vidstg', truth, [answer('1', [6, 10], DOG)], *options)

    controls = {name: groups['declarative'] for name, groups in found['controls'].items()}
    assert controls['oracle']['viou'] == controls['oracle']['tiou'] == 1
    assert controls['whole_clip']['tiou'] == pytest.approx((4 / 12 + 1) / 2)
    assert controls['middle_third']['tiou'] == pytest.approx((1 + 4 / 12) / 2)  # 4..8
    assert controls['true_span']['tiou'] == 1
    assert controls['centre_prior']['tiou'] == pytest.approx((1 / 3 + 0) / 2)  # the system's span
    assert controls['all_background']['tiou'] == 0
    # Two places, dog and ball, so half of all tubes at the best.
    best = found['controls']['best_constant_box']['all']['siou']
    assert 0.25 < best <= 0.5
    assert found['controls_of_system'] == ['random', 'centre_prior', 'best_constant_box']


def test_frames_take_the_nearest_box_within_half_a_period(vidstg, command):
    truth, (*vidor, _, _) = vidstg
    lines = [answer('3', [0, 12], DOG, frames=[1, 4, 12])]  # sampled at 5 fps: 0, 2, 4, 6, 8, 10

    found = command('vidstg', truth, lines, *vidor, '--sample-fps', 5)

    # 0 and 2 take 1, 4 takes itself; 12 lies outside the clip.
    assert found['per_video']['w#3']['scores']['declarative/siou'] == pytest.approx(3 / 6)
    assert found['coverage']['frames_outside_clip'] == 1


def test_seconds_and_other_frame_sizes(vidstg, command):
    truth, options = vidstg
    line = answer('1', None, [0, 0, 200, 200], frame_size=[640, 480])
    line = {**line, 'span': None, 'span_sec': [0.4, 0.8]}

    found = command('vidstg', truth, [line], *options)

    assert found['per_video']['v#1']['scores']['declarative/viou'] == 1
    assert found['coverage']['queries_of_other_frame_size'] == 1


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'query': '11'}, "1 queries are not in the ground truth: '11' (did you mean '1'"),
        ({'video': 'w'}, "query '1' is of video 'v', not of 'w'"),
        ({'span': [5, 2]}, 'span must be start and end, start <= end'),
        ({'boxes': [[9, 0, 1, 1]] * 12}, 'system.jsonl:1: boxes[0]: 1 boxes have x2 < x1'),
        ({'boxes': [[0, 0, 640, 480]] * 12}, 'leaves the annotated frame of 320 x 240'),
        ({'boxes': [DOG]}, '1 boxes for 12 frames'),
        ({'frames': [3] * 12}, 'frame 3 comes twice'),
        ({'spann': [1, 2]}, "field 'spann' is unknown; did you mean 'span'?"),
        ({'query': None}, 'neither query nor video says which sentence'),
        ({'query': None, 'video': 'v'}, "video 'v' has 2 queries; say which as query"),
        ({'span_sec': [1, 2]}, 'exclude each other'),
    ],
)
def test_what_does_not_fit_is_told(vidstg, command, changes, message):
    truth, options = vidstg
    line = {**answer('1', [4, 8], DOG), **changes}

    assert message in command('vidstg', truth, [line], *options)


def test_a_query_is_answered_once_and_rules_say_the_rest(vidstg, command):
    truth, options = vidstg
    twice = [answer('1', [4, 8], DOG)] * 2

    assert 'was answered before, at' in command('vidstg', truth, twice, *options)
    assert "3 of 4 queries have no answer, such as '0'" in command(
        'vidstg', truth, twice[:1], *options, '--missing', 'error'
    )
    lines = [twice[0], answer('99', [4, 8], DOG)]
    dropped = command('vidstg', truth, lines, *options, '--unknown-videos', 'drop')
    assert dropped['coverage']['dropped'] == ['99']


def test_a_tube_between_two_sampled_frames_is_seen_in_its_middle(vidstg, command):
    truth, options = vidstg
    truth.write_text(json.dumps([entry('v', 3, 4), entry('w', 0, 12)]))
    lines = [answer('1', [3, 4], DOG)]

    found = command('vidstg', truth, lines, *options[:2], '--sample-fps', 2)  # frames 0, 5, 10

    assert found['per_video']['v#1']['scores']['declarative/viou'] == 1
    assert found['coverage']['queries_between_samples'] == 2
    assert found['metrics']['all']['num_queries'] == 4


def test_a_model_is_scored_in_the_middle_of_such_a_tube_as_well(vidstg, command):
    truth, options = vidstg
    truth.write_text(json.dumps([entry('v', 3, 4), entry('w', 6, 9), entry('x', 11, 15)]))
    # The ball of w has a box before the tube only; x ends with its clip, its tube later.
    frames = [[corners(0, 0), *([corners(1, 200)] if f == 0 else [])] for f in range(15)]
    (options[1] / 'w.json').write_text(json.dumps({'trajectories': frames}))
    frames = [[corners(0, 0), corners(1, 200)] for _ in range(12)] + [[]] * 3
    (options[1] / 'x.json').write_text(json.dumps({'trajectories': frames}))
    data = VidSTG('.', str(truth), vidor=str(options[1]), sample_fps=2)
    metric = METRICS.build(
        {'type': 'QueryTubeMetric', 'localizer': {'type': 'HeatMapSpatialLocalizer'}}
    )
    metric.dataset_meta = data.metainfo
    lines = []
    for item in data:
        num = len(item['frame_idx'])
        sample = PackClip()(item | {'frame_features': torch.zeros(num, 2)})['data_samples']
        sample.pred_labels = torch.where(sample.gt_labels == 0, 0, -1)
        sample.pred_scores = torch.ones(num)
        sample.heatmaps = sample.gt_heatmaps = torch.ones(num, 3, 4)
        metric.process(None, [sample.to_dict()])
        lines.append(answer(sample.query_id, item['tube_frames'], [0, 0, 320, 240], range(15)))

    found = metric.evaluate(len(data))
    of_file = command('vidstg', truth, lines, *options[:2], '--sample-fps', 2)

    # v and x: frames 3 and 11 are added; w: its ball's middle, 7, without a box.
    assert [sorted({3, 7, 11} & set(item['frame_idx'].tolist())) for item in data] == [
        *([3], [3]),
        *([7], [7]),
        *([11], [11]),
    ]
    assert found['query_tube/num_between_samples'] == 6
    assert of_file['coverage']['queries_between_samples'] == 6
    assert found['query_tube/num_without_box'] == 1
    assert of_file['coverage']['queries_without_box'] == 1
    assert found['query_tube/coverage/share'] == 1
    whole = 100 * 100 / (320 * 240)  # IoU of the whole frame with a box
    assert of_file['metrics']['all']['siou'] == pytest.approx(5 / 6 * whole)
    assert found['query_tube/siou'] == pytest.approx(5 / 6 * whole)


def test_systems_stand_side_by_side(vidstg, command, compared):
    truth, options = vidstg
    lines = [answer('1', [4, 8], DOG), answer('3', [0, 12], DOG)]
    command('vidstg', truth, lines, *options, name='full')
    command('vidstg', truth, lines[1:], *options, name='half')

    table = compared('full', 'half', score='declarative/viou')

    assert table['full'] == '100.00 [100.00, 100.00]'
    assert table['half'] == '50.00 [0.00, 100.00]'
    assert table['half - full'].startswith('-50.00 [-100.00')
    assert 'centre_prior (else as full)' in table


def test_hc_stvg_answers_may_name_the_video_alone(tmp_path, command):
    shared = {'img_num': 200, 'width': 640, 'height': 360, 'caption': 'x', 'st_frame': 101}
    truth = tmp_path / 'test.json'
    truth.write_text(json.dumps({'5_x.mp4': {**shared, 'bbox': [[10, 20, 30, 40]] * 50}}))
    # Frames 100..149 of 200, 10 per second; sampled at 5: 100, 102, ...
    line = {'video': '5_x', 'span': [100, 175], 'frames': list(range(200))}
    line['boxes'] = [[10, 20, 40, 60]] * 200

    found = command('hc_stvg', truth, [line])
    late = command('hc_stvg', truth, [line], '--first-frame', 0)

    assert found['metrics']['all']['tiou'] == pytest.approx(50 / 75)
    # 25 of 38 sampled frames (100, 102, .. 174) are in the truth, with IoU 1.
    assert found['metrics']['all']['viou'] == pytest.approx(25 / 38)
    assert late['metrics']['all']['tiou'] == pytest.approx(50 / 75)  # 101..151, so 50 of 75 too
    assert set(found['metrics']) == {'all'}


def test_a_breakdown_by_class_is_refused_where_there_are_none(vidstg, command, tmp_path, capfd):
    truth, options = vidstg
    command('vidstg', truth, [answer('1', [4, 8], DOG)], *options)

    assert main(['compare', str(tmp_path / 'system.json'), '--by', 'class']) == 1
    assert 'vidstg counts no classes; use --by video' in capfd.readouterr().err
