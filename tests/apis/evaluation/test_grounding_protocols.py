"""GroundingYouTube (untrimmed, clips, the script), TinyKitchen and answers of ``stgr ground``."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from stgr.io.results import save_result
from stgr.structures import (
    GroundingResult,
    ModelFacts,
    QueryResult,
    Span,
    Tube,
    VideoFacts,
)

REAL = Path(os.environ.get('STGR_DATA_ROOT', 'not set')) / 'annotations' / 'grounding_youtube'
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason='STGR_DATA_ROOT has no GroundingYouTube')
BOX = [100, 100, 300, 300]
STEPS = {2: 'stir', 4: 'stir', 5: 'fry', 8: 'stir'}


def step(first, last, name, number=0):
    return {'segment': [first, last], 'id': number, 'sentence': name}


@pytest.fixture
def truth(tmp_path, write_json):
    """Video v of 12 seconds (9 + 3): stir at 2, 4 and 8, fry at 5, all in one box."""
    boxes = [{'second': s, 'box': BOX, 'step_name': name} for s, name in STEPS.items()]
    write_json('id2wh_new.json', {'v': [640, 480]})
    segments = [step(2, 5, 'stir'), step(4, 6, 'fry', 1), step(9, 9, 'fry', 2)]
    write_json('seg.json', {'v': segments})
    clips = [step(2, 5, 'stir'), step(6, 9, 'chop'), step(0, 2, 'stir')]
    write_json('ground_seg_3to20.json', {'v': clips})
    return write_json('box_anno.json', {'v': boxes})


OPTIONS = ('--pad-sec', 3)


def said(video, labels, box=BOX, **more):
    """Return a line per second with a label, the true class being seen at the same place."""
    return [
        {'video': video, 'second': second, 'label': label, 'score': 1, 'query_box': box, **more}
        | ({'box': box} if label else {})
        for second, label in labels.items()
    ]


def test_untrimmed_scores_are_as_worked_by_hand(truth, command):
    lines = said('v', {2: 'stir', 3: 'stir', 4: 'fry', 5: 'fry', 8: None})

    found = command('grounding_youtube', truth, lines, *OPTIONS)

    metrics = found['metrics']
    # stir: {2} of {2, 3, 4, 8}; fry: {5} of {4, 5}.
    assert metrics['iou_point']['iou_point_video_class'] == pytest.approx((1 / 4 + 1 / 2) / 2)
    assert metrics['iou_point']['iou_point_micro'] == pytest.approx(2 / 6)
    assert metrics['pointing']['pointing_acc'] == 1
    assert metrics['labels']['label_acc_action'] == pytest.approx(2 / 4)
    # Tubes overlap 1/4 and 1/2, so both classes have AP 1 at 0.1 and 0.2, fry also to 0.4.
    assert [metrics['video_map'][f'mAP@{t}'] for t in (0.1, 0.2, 0.3, 0.4, 0.5)] == [
        1, 1, 0.5, 0.5, 0,
    ]  # fmt: skip
    assert found['coverage']['seconds_annotated'] == 12
    assert found['coverage']['videos_of_guessed_length'] == 1
    assert found['controls']['oracle']['video_map']['mAP@0.1:0.5'] == 1
    # The centre (320, 240) is not in the box.
    assert found['controls']['centre_prior']['pointing']['pointing_acc'] == 0


def test_clips_are_searched_in_their_windows(truth, command, tmp_path):
    # One clip is left: stir in 2..5, window 0..8, true at 2 and 4.
    lines = said('v@2-5', {2: 'stir', 3: 'stir', 4: 'stir', 8: 'stir'})

    found = command('grounding_youtube_clips', truth, lines, *OPTIONS)

    scores = found['metrics']['single_action']
    assert scores['iou_point'] == scores['iou_point_micro'] == pytest.approx(2 / 4)
    assert [scores[f'mAP@{t}'] for t in (0.3, 0.4, 0.5)] == [1, 1, 0]
    coverage = found['coverage']
    assert (coverage['clips_listed'], coverage['clips_scored']) == (3, 1)
    assert (coverage['clips_without_own_box'], coverage['clips_of_other_length']) == (1, 1)
    assert list(found['per_video']) == ['v@2-5']
    controls = found['controls']
    assert controls['oracle']['single_action']['mAP@0.1:0.5'] == 1
    assert controls['all_background']['single_action']['iou_point'] == 0
    # 2 of the 9 seconds of the window.
    always = said('v@2-5', dict.fromkeys(range(9), 'stir'))
    full = command('grounding_youtube_clips', truth, always, *OPTIONS)
    assert full['metrics']['single_action']['iou_point'] == pytest.approx(2 / 9)


def test_a_whole_video_serves_all_of_its_clips(truth, command, write_json):
    clips = [step(2, 5, 'stir'), step(4, 7, 'fry')]
    write_json('ground_seg_3to20.json', {'v': clips})
    lines = said('v', {2: 'stir', 3: 'fry', 4: 'stir', 5: 'fry', 10: 'fry'})

    found = command('grounding_youtube_clips', truth, lines, *OPTIONS)

    points = {
        name: one['scores']['single_action/iou_point'] for name, one in found['per_video'].items()
    }
    # stir: {2, 4} right; fry, window 1..10: 5 right, 3 and 10 wrong.
    assert points == {'v@2-5': 1, 'v@4-7': pytest.approx(1 / 3)}
    # A clip's own predictions count before those of its video.
    own = said('v@2-5', {2: 'stir'})
    found = command('grounding_youtube_clips', truth, lines + own, *OPTIONS)
    assert found['per_video']['v@2-5']['scores']['single_action/iou_point'] == 0.5


def test_clips_stand_side_by_side(truth, command, compared):
    right = said('v@2-5', {2: 'stir', 4: 'stir'})
    command('grounding_youtube_clips', truth, right, *OPTIONS, name='full')
    command('grounding_youtube_clips', truth, right[:1], *OPTIONS, name='half')

    table = compared('full', 'half', score='single_action/iou_point')

    assert table['half'] == '50.00 [50.00, 50.00]'
    assert table['half - full'] == '-50.00 [-50.00, -50.00]'
    assert compared('full', score='single_action/mAP@0.1:0.5')['full'] == '100.00 [100.00, 100.00]'


def test_the_script_scores_shared_seconds_twice_and_columns_late(truth, command):
    lines = said('v', {2: None, 4: None, 5: None, 8: None})
    lines[2]['query_box'] = [400, 100, 600, 300]

    found = command('grounding_youtube_script', truth, lines, *OPTIONS)

    # Clips 2..5 and 4..6 look at 2, 4, 5, 4, 5 (9..9 has no length): 5 is wrong twice of five.
    script = found['metrics']['script']
    assert script['num_valid'] == 5
    assert script['localization_accuracy'] == pytest.approx(3 / 5)
    # The script paints columns 101..301 and rows 100..300, one more of each and one column late:
    # the box of 200 x 200 shares 199 x 200 of them.
    iou = 199 * 200 / (201 * 201 + 200 * 200 - 199 * 200)
    assert script['iou_total'] == pytest.approx(3 / 5 * iou)
    assert script['meanAP'] == pytest.approx(3 / 5)
    assert 'the released script has iou_threshold=0.3; leave it' in command(
        'grounding_youtube_script', truth, lines, '--iou-threshold', 0.5
    )


def test_the_script_sees_a_black_frame_at_the_end_of_clips(truth, command, tmp_path):
    seen, away = np.zeros((5, 5)), np.zeros((5, 5))
    seen[1, 1] = away[4, 4] = 1  # the second cell's centre (192, 144) lies in the box
    np.savez(tmp_path / 'black.npz', heat=away)
    lines = said('v', {2: None, 4: None, 5: None, 8: None}, query_heatmap=seen.tolist())

    real = command('grounding_youtube_script', truth, lines, *OPTIONS)
    black = command(
        'grounding_youtube_script', truth, lines, *OPTIONS, '--black-map', tmp_path / 'black.npz'
    )

    # Only 5 is the last second of a clip (2..5) and has a box; 6 has none.
    shares = [one['metrics']['script']['localization_accuracy'] for one in (real, black)]
    assert shares == [1, pytest.approx(4 / 5)]
    without = [{k: v for k, v in line.items() if k != 'query_heatmap'} for line in lines]
    assert 'a black map needs them' in command(
        'grounding_youtube_script', truth, without, '--black-map', tmp_path / 'black.npz'
    )


def test_ids_that_are_no_positions_are_refused(truth, command, write_json):
    write_json('seg.json', {'v': [step(2, 5, 'stir', 7)]})
    lines = said('v', {2: None})

    assert 'id 7 is no position' in command('grounding_youtube_script', truth, lines, *OPTIONS)
    found = command('grounding_youtube_script', truth, lines, *OPTIONS, '--clip-lookup', 'row')
    assert found['metrics']['script']['num_valid'] == 3


def test_a_split_folder_of_tiny_kitchen(truth, command, tmp_path):
    lines = said('v', STEPS)

    found = command('tiny_kitchen', tmp_path, lines, *OPTIONS)

    assert found['protocol'] == 'tiny_kitchen'
    assert found['metrics']['iou_point']['iou_point_video_class'] == 1
    assert {Path(one['path']).name for one in found['files']['ground_truth']} == {
        'box_anno.json', 'id2wh_new.json', 'seg.json',
    }  # fmt: skip
    assert "1 videos are not in the ground truth: 'w'" in command(
        'tiny_kitchen', truth, said('w', STEPS)
    )


def grounded(queries, path='films/v.mp4', size=(320, 240)):
    """Return an answer at seconds 0.0 to 9.0; each query has a span, a box and a similarity."""
    times = np.arange(10.0)
    found = []
    for name, (first, end, box, score) in queries.items():
        inside = times[(times >= first) & (times < end)]
        num = len(inside)
        middle = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]
        found.append(
            QueryResult(
                query=name,
                found=True,
                score=score,
                frame_scores=np.full(10, score, np.float32),
                spans=(Span(first, end, score),),
                tubes=(
                    Tube(
                        span=Span(first, end, score),
                        times_sec=inside,
                        boxes_px=np.tile(np.float32(box), (num, 1)),
                        points_px=np.tile(np.float32(middle), (num, 1)),
                        visible=np.ones(num, bool),
                    ),
                ),
            )
        )
    return GroundingResult(
        video=VideoFacts(path, *size, 10.0, 25.0, False, 'pyav'),
        model=ModelFacts('m', 'ab' * 32),
        times_sec=times,
        queries=tuple(found),
    )


def test_label_accuracy_has_an_interval_over_videos(truth, command, compared, write_json):
    boxes = {'v': STEPS, 'w': {0: 'stir'}}
    write_json(
        'box_anno.json',
        {
            name: [{'second': s, 'box': BOX, 'step_name': label} for s, label in steps.items()]
            for name, steps in boxes.items()
        },
    )
    write_json('id2wh_new.json', {'v': [640, 480], 'w': [640, 480]})
    write_json('seg.json', {'v': [], 'w': []})
    write_json('durations.json', {'v': 12.0, 'w': 3.0})
    found = command('grounding_youtube', truth, said('v', STEPS), name='one')

    # v: 12 of 12 seconds; w: two of background of 3. Of two draws: both v, both w, or both videos.
    assert found['metrics']['labels']['label_acc'] == pytest.approx(14 / 15)
    assert found['per_video']['w']['counts'] == {
        'frames': 3,
        'right_frames': 2,
        'background_frames': 2,
        'right_background': 2,
    }
    assert compared('one', score='labels/label_acc')['one'] == '93.33 [66.67, 100.00]'
    silent = compared('one', score='labels/label_acc_background')['one']
    assert silent == '100.00 [100.00, 100.00]'
    assert 'background' not in found['per_class']


def test_a_folder_of_answers_is_scored(truth, command, tmp_path):
    # Half the size of the annotated frame: the box is scaled to it.
    half = [side / 2 for side in BOX]
    answers = tmp_path / 'answers'
    queries = {'stir': (2.0, 5.0, half, 0.6), 'fry': (4.0, 6.0, half, 0.9)}
    save_result(grounded(queries), answers / 'v')

    found = command('grounding_youtube', truth, answers, *OPTIONS)

    # stir is said at 2 and 3 (4 is surer of fry), fry at 4 and 5.
    points = found['metrics']['iou_point']
    assert points['iou_point_video_class'] == pytest.approx((1 / 4 + 1 / 2) / 2)
    assert found['coverage']['videos_of_other_frame_size'] == 1
    assert found['files']['predictions_format'] == 'result'
    assert 'pointing' in found['not_scored']  # it was not told the true action
    one = command('grounding_youtube', truth, answers / 'v', *OPTIONS)
    assert one['metrics'] == found['metrics']


@pytest.fixture
def every_fifth(tmp_path):
    """The real files of every fifth video, for which scores are published, and a line of one."""
    if not REAL.is_dir():
        pytest.skip('STGR_DATA_ROOT has no GroundingYouTube')
    names = ('box_anno.json', 'id2wh_new.json', 'seg.json', 'ground_seg_3to20.json')
    read = {name: json.loads((REAL / name).read_text()) for name in names}
    kept = sorted(read['box_anno.json'])[::5]
    for name, content in read.items():
        (tmp_path / name).write_text(json.dumps({v: content[v] for v in kept if v in content}))
    name = read['box_anno.json'][kept[0]][0]['step_name']
    return tmp_path / 'box_anno.json', said(kept[0], dict.fromkeys(range(100), name))


def test_published_controls_of_clips(every_fifth, command):
    found = command('grounding_youtube_clips', *every_fifth)

    # benchmarks: 578 clips of 50 videos; always positive at the centre 20.6, never 0, truth 99.9.
    assert found['metrics']['single_action']['num_clips'] == 578
    got = {name: 100 * s['single_action']['iou_point'] for name, s in found['controls'].items()}
    assert got['most_frequent'] == pytest.approx(20.6, abs=0.051)
    assert got['oracle'] == pytest.approx(99.9, abs=0.051)
    assert got['all_background'] == 0


@needs_real
def test_published_controls_of_the_script(command):
    boxes = json.loads((REAL / 'id2xy_box.json').read_text())
    line = said(sorted(boxes)[0], {0: None}, box=[0, 0, 9, 9])

    found = command('grounding_youtube_script', REAL / 'id2xy_box.json', line)

    assert found['metrics']['script']['num_valid'] == 17_812
    got = {
        name: 100 * s['script']['localization_accuracy'] for name, s in found['controls'].items()
    }
    assert got['centre_prior'] == pytest.approx(61.69, abs=0.0051)
    assert got['oracle'] == pytest.approx(99.69, abs=0.0051)
    assert got['random'] == pytest.approx(16.19, abs=1.2)
