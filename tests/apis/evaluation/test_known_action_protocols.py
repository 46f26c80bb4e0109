"""YouCook-Interactions, V-HICO and DALY from the command line: values worked by hand, anchors."""

import os
import pickle
from pathlib import Path

import pytest
import real_annotations

REAL = Path(os.environ.get('STGR_DATA_ROOT', 'not set')) / 'annotations' / 'youcook2_interactions'
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason='STGR_DATA_ROOT has no YouCook2')
pytestmark = pytest.mark.filterwarnings('ignore:.*is guessed')


def image(frame, label, human, thing):
    return {
        'path': f'test/x/{frame:06d}.jpg',
        'label': label,
        'width': 100,
        'height': 100,
        'human': human,
        'object': thing,
    }


@pytest.fixture
def vhico(tmp_path):
    """Three scored images of two actions, and one without boxes."""
    annos = {
        'peeling apple': {
            'a': [
                image(0, 'Peeling apple', [[0, 0, 40, 40]], [[40, 0, 80, 40], [60, 0, 80, 40]]),
                image(15, 'peeling apple', [[0, 0, 20, 20]], []),
                image(30, 'peeling apple', [], []),
            ]
        },
        'riding horse': {'a': [image(0, 'riding horse', [[50, 50, 100, 100]], [])]},
    }
    path = tmp_path / 'gt_bbox_test.json'
    path.write_bytes(pickle.dumps({'annos': annos}, protocol=2))
    return path


def placed(video, frame, box, point=None, score=1.0, fps=30, **more):
    row = {'video': video, 'second': frame / fps, 'label': None, 'score': score}
    return {**row, 'query_box': box, **({'query_point': point} if point else {}), **more}


def test_boxes_of_an_image_are_one_region(vhico, command):
    # Image 0: the box is the human's: 1600 of the union's 3200, IoU 0.5; its centre is in it.
    # Image 15: 400 of 6400, no hit, but the point lies in the box. The horse: nothing is said.
    lines = [
        placed('peeling apple/a', 0, [0, 0, 40, 40]),
        placed('peeling apple/a', 15, [0, 0, 80, 80], point=[20, 20]),
    ]

    found = command('vhico', vhico, lines)

    pointing, spatial = found['metrics']['pointing'], found['metrics']['spatial']
    assert pointing['pointing_acc'] == pytest.approx(2 / 3)
    assert pointing['pointing_acc_class'] == pytest.approx((1 + 0) / 2)
    assert spatial['iou_hit_micro'] == pytest.approx(1 / 3)
    assert spatial['iou_hit_class'] == pytest.approx((1 / 2 + 0) / 2)
    assert spatial['mean_iou'] == pytest.approx((0.5 + 400 / 6400) / 3)
    # Peeling: one right of two equally sure, AP 1/2 (all points); riding: 0.
    assert (pointing['num_frames'], pointing['num_classes']) == (3, 2)
    coverage = found['coverage']
    assert (coverage['boxes_annotated'], coverage['boxes_with_query_place']) == (5, 2)
    assert (coverage['videos_predicted'], coverage['frames_without_box']) == (1, 1)
    assert coverage['missing'] == ['riding horse/a']
    oracle = found['controls']['oracle']
    assert (oracle['pointing']['pointing_acc'], oracle['spatial']['mean_iou']) == (1, 1)
    # The centre (50, 50) lies in the horse's closed box only; the box 25..75 x 20..80 has 3000:
    # 25..75 x 20..40 = 1000 of 3000 + 3200 - 1000; nothing; 25 x 30 of 3000 + 2500 - 750.
    centre = found['controls']['centre_prior']
    assert centre['pointing']['pointing_acc'] == pytest.approx(1 / 3)
    assert centre['spatial']['mean_iou'] == pytest.approx((1000 / 5200 + 0 + 750 / 4750) / 3)
    assert found['controls']['all_background']['pointing']['pointing_acc'] == 0


def test_vhico_s_rule_leaves_classes_without_predictions_out(vhico, command):
    lines = [placed('peeling apple/a', frame, [0, 0, 80, 40]) for frame in (0, 15)]

    every = command('vhico', vhico, lines)
    predicted = command('vhico', vhico, lines, '--ap-classes', 'predicted')

    # IoU 1 and 400/3200: of two equally sure ones the first is right, precision 1 at recall 1/2.
    assert every['metrics']['spatial']['ap_class_all'] == pytest.approx((1 / 2 + 0) / 2)
    assert predicted['metrics']['spatial']['ap_class_all'] == pytest.approx(1 / 2)
    # Levels 0, 0.1, .. 0.5 are reached: 6 of 11.
    assert predicted['metrics']['spatial']['ap_class_hico10'] == pytest.approx(6 / 11)
    assert predicted['metrics']['spatial']['num_dropped_classes'] == 1


def test_an_image_takes_no_neighbour_s_place(vhico, command):
    lines = [placed('peeling apple/a', 14, [0, 0, 20, 20]), placed('riding horse/a', 1, [0] * 4)]

    found = command('vhico', vhico, lines)

    assert found['coverage']['seconds_predicted'] == 0
    assert found['metrics']['pointing']['pointing_acc'] == 0


def test_bad_names_and_boxes_are_told(vhico, command):
    assert "did you mean 'riding horse/a'" in command(
        'vhico', vhico, [placed('riding horses/a', 0, [0, 0, 1, 1])]
    )
    wrong = command('vhico', vhico, [placed('riding horse/a', 0, [9, 0, 1, 1])])
    assert 'system.jsonl:1' in wrong
    assert 'x2 < x1' in wrong
    assert 'leaves the annotated frame of 100 x 100' in command(
        'vhico', vhico, [placed('riding horse/a', 0, [0, 0, 640, 480])]
    )
    assert "fps must be a number, but is 'native'" in command(
        'vhico', vhico, [placed('riding horse/a', 0, [0, 0, 1, 1])], '--fps', 'native'
    )


def test_systems_stand_side_by_side(vhico, command, compared):
    lines = [placed('peeling apple/a', frame, [0, 0, 20, 20]) for frame in (0, 15)]
    command('vhico', vhico, [*lines, placed('riding horse/a', 0, [50, 50, 100, 100])], name='full')
    command('vhico', vhico, lines, name='half')

    micro = compared('full', 'half', score='pointing/pointing_acc')
    classes = compared('full', 'half', score='pointing/pointing_acc_class')

    assert micro['full'] == '100.00 [100.00, 100.00]'
    assert micro['half'].startswith('66.67 [0.00, 100.00]')
    assert classes['half - full'].startswith('-50.00 [')
    assert 'centre_prior' in micro


def keyframe(frame, box):
    return {'frameNumber': frame, 'time': frame / 25, 'boundingBox': [box], 'objects': []}


@pytest.fixture
def daly(tmp_path):
    """Video a: two people drink at 125, one at 150; one phones at 125. Video b trains."""

    def instance(*frames):
        return {'beginTime': 4.0, 'endTime': 9.0, 'flags': {}, 'keyframes': list(frames)}

    first, second = (0.0, 0.0, 0.5, 0.5), (0.5, 0.5, 1.0, 1.0)
    drink = [instance(keyframe(125, first), keyframe(150, first)), instance(keyframe(125, second))]
    annot = {'Drinking': drink, 'Phoning': [instance(keyframe(125, second))]}
    document = {
        'labels': ['Drinking', 'Phoning'],
        'joints': [],
        'objectList': [],
        'splits': [['a.mp4']],
        'metadata': {'a.mp4': {'duration': 60.0, 'fps': 25.0, 'nbframes_ffmpeg': 1500}},
        'annot': {'a.mp4': {'suggestedClass': 'Drinking', 'annot': annot}},
    }
    path = tmp_path / 'daly1.1.0.pkl'
    path.write_bytes(pickle.dumps(document, protocol=2))
    return path


def test_people_who_do_the_same_are_one_region(daly, command):
    def said(video, frame, box):
        return placed(video, frame, box, fps=25, frame_size=[1, 1])

    lines = [
        said('a/Drinking', 125, [0.5, 0.5, 1.0, 1.0]),  # the second person: IoU 1/2, point inside
        said('a/Drinking', 150, [0.5, 0.5, 1.0, 1.0]),  # where nobody drinks any more
        said('a/Phoning', 125, [0.5, 0.5, 1.0, 1.0]),
    ]

    found = command('daly', daly, lines, '--frame-size', '200x100')

    assert found['metrics']['pointing']['pointing_acc'] == pytest.approx(2 / 3)
    assert found['metrics']['pointing']['pointing_acc_class'] == pytest.approx((1 / 2 + 1) / 2)
    assert found['metrics']['spatial']['mean_iou'] == pytest.approx((1 / 2 + 0 + 1) / 3)
    assert found['controls']['oracle']['spatial']['mean_iou'] == 1
    assert 'give --sizes FILE or --frame-size WxH' in command('daly', daly, lines)
    assert "frame_size must be WxH, such as 640x480, but is '200'" in command(
        'daly', daly, lines, '--frame-size', '200'
    )


@pytest.fixture
def youcook(tmp_path, write_json):
    """Seconds 5, 6, 7 of one video: 6 ends one segment and begins the next."""
    boxes = {'v': {5: (0, 0, 100, 100), 6: (0, 0, 100, 100), 7: (300, 100, 400, 200)}}
    path = tmp_path / 'final_dataset_annotations.pkl'
    path.write_bytes(pickle.dumps(boxes, 3))
    segments = {('v', 4, 6), ('v', 6, 9)}
    (tmp_path / 'final_dataset_segments.pkl').write_bytes(pickle.dumps(segments, 3))
    rows = [
        {'segment': ends, 'id': 0, 'sentence': text}
        for ends, text in (([4, 6], 'stir it'), ([6, 9], 'chop'))
    ]
    database = {'v': {'duration': 30, 'annotations': rows}}
    write_json('youcookii_annotations_trainval.json', {'database': database})
    return path


def test_second_s_is_looked_up_one_second_before(youcook, command):
    lines = [placed('v', second, [0, 0, 100, 100], fps=1) for second in (4, 5, 6)]

    found = command('youcook_interactions', youcook, lines)
    same = command('youcook_interactions', youcook, lines, '--second-offset', 0)
    each = command('youcook_interactions', youcook, lines, '--shared-seconds', 'each')

    assert found['metrics']['pointing']['pointing_acc'] == pytest.approx(2 / 3)
    # Classes are sentences: both seconds of 'stir it' are hit, that of 'chop' is not.
    assert found['metrics']['spatial']['iou_hit_class'] == pytest.approx(1 / 2)
    assert same['metrics']['pointing']['pointing_acc'] == pytest.approx(2 / 3)  # 7 has none
    assert same['coverage']['seconds_predicted'] == 2
    assert each['metrics']['pointing']['num_frames'] == 4
    assert each['metrics']['pointing']['pointing_acc'] == pytest.approx(3 / 4)


def test_places_of_right_labels_count_where_none_is_of_the_action_asked_for(youcook, command):
    box = [0, 0, 100, 100]
    lines = [
        {'video': 'v', 'second': 4, 'label': 'stir it', 'score': 1, 'box': box},
        {'video': 'v', 'second': 5, 'label': 'chop', 'score': 1, 'box': box},
        {'video': 'v', 'second': 6, 'label': 'chop', 'score': 1, 'box': box},
    ]

    found = command('youcook_interactions', youcook, lines)

    assert found['metrics']['pointing']['pointing_acc'] == pytest.approx(1 / 3)
    assert found['coverage']['videos_placed_by_label'] == 1
    assert found['coverage']['boxes_with_query_place'] == 2


@needs_real
def test_published_controls_on_the_real_boxes(command):
    video_id = str(real_annotations.youcook_boxes()[0][0])
    line = placed(video_id, 0, [0, 0, 1, 1], fps=1)
    truth = REAL / 'final_dataset_annotations.pkl'
    options = ('--shared-seconds', 'each')

    script = command('youcook_interactions', truth, [line], *options, '--frame', 'script')
    annotated = command('youcook_interactions', truth, [line], *options)

    # benchmarks: the centre scores 28.8 with 640 x 360 assumed, the best constant point 51.0.
    def accuracy(found, control):
        return 100 * found['controls'][control]['pointing']['pointing_acc']

    assert script['metrics']['pointing']['num_frames'] == 2_496
    assert accuracy(script, 'centre_prior') == pytest.approx(28.8, abs=0.051)
    # fitted to boxes cut to the frame, which those of the seven native videos leave
    assert accuracy(script, 'best_constant_box') == pytest.approx(51.0, abs=0.5)
    assert accuracy(script, 'random') == pytest.approx(15.1, abs=1.5)
    assert accuracy(annotated, 'centre_prior') > accuracy(script, 'centre_prior')
    assert accuracy(annotated, 'oracle') == pytest.approx(100 * 2_495 / 2_496)  # one is degenerate
