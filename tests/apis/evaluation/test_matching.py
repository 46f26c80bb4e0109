"""What does not fit is refused with names, or counted; the denominators stay those of the truth."""

import json

import pytest

from stgr.apis.evaluation import PROTOCOLS, build_protocol, evaluate


@pytest.fixture
def score(world):
    def make(rows, **options):
        protocol = build_protocol(PROTOCOLS, 'exchange', options)
        return evaluate(protocol, world.truth, world.write(rows))

    return make


def test_perfect_predictions_score_one_and_stand_beside_every_control(score, world):
    found = score(world.rows('a') + world.rows('b'))

    assert found['metrics']['spatial/upsample_first']['pointing_acc'] == 1
    assert found['metrics']['video_map/class/volume']['mAP@0.1:0.5'] == 1
    assert found['metrics']['single_action']['iou_point'] == 1
    assert set(found['controls']) >= {
        'chance', 'random', 'centre_prior', 'best_constant_box', 'all_background',
        'uniform_transcript', 'oracle',
    }  # fmt: skip
    assert found['controls']['oracle']['iou_point/bg=exclude/classes=gt']['iou_point_micro'] == 1
    background = found['controls']['all_background']
    assert background['spatial/upsample_first']['pointing_acc'] == 0
    constant = found['controls']['best_constant_box']['spatial/upsample_first']
    assert (constant['pointing_acc'], constant['iou_hit_micro']) == (1, 1)  # all boxes are one
    assert found['per_class']['whisk']['boxes'] == 6
    assert found['not_scored'] == {
        f'temporal/align/bg={side}': 'the predictions have no log_probs'
        for side in ('exclude', 'include')
    }


def test_missing_video_is_background_and_halves_the_scores(score, world):
    found = score(world.rows('a'))

    assert found['coverage']['missing'] == ['b']
    assert found['metrics']['spatial/upsample_first']['pointing_acc'] == 0.5
    assert found['metrics']['spatial/upsample_first']['num_frames'] == 10
    assert found['metrics']['temporal/framewise/bg=exclude']['iou'] == 0.5
    with pytest.raises(ValueError, match="1 of 2 videos have no prediction, such as 'b'"):
        score(world.rows('a'), missing='error')


def test_video_without_a_single_second_has_no_prediction(score, world):
    nothing = {'video': 'b', 'seconds': [], 'labels': [], 'scores': []}

    found = score([*world.rows('a'), nothing])

    assert found['coverage']['missing'] == ['b']
    assert found['metrics']['spatial/upsample_first']['pointing_acc'] == 0.5
    with pytest.raises(ValueError, match="1 of 2 videos have no prediction, such as 'b'"):
        score([*world.rows('a'), nothing], missing='error')


def test_unknown_video_is_named_with_its_line(score, world):
    with pytest.raises(ValueError, match=r"p.jsonl:9: 1 videos are not .* 'c'"):
        score(world.rows('a') + world.rows('c') + world.rows('b'))


def test_missing_seconds_are_background_and_counted(score, world):
    rows = [row for row in world.rows('a') + world.rows('b') if row['second'] != 5]

    found = score(rows)

    assert found['coverage']['seconds_predicted'] == 14
    assert found['metrics']['spatial/upsample_first']['pointing_acc'] == 0.8
    with pytest.raises(ValueError, match='no prediction for 1 of 8 seconds, such as 5'):
        score(rows, missing='error')


def test_second_with_an_empty_heat_map_hits_no_box_in_the_corner(world):
    truth = world.truth_of()
    for frame in truth['frames'].values():
        frame['box'] = [0, 0, 30, 30]
    world.truth.write_text(json.dumps({'videos': {'a': truth}}))
    rows = [{**row, 'query_heatmap': [[0.0, 0.0]]} for row in world.rows('a')]

    found = evaluate(build_protocol(PROTOCOLS, 'exchange', {}), world.truth, world.write(rows))

    assert found['metrics']['spatial/upsample_first']['pointing_acc'] == 0


def test_unknown_videos_are_listed_with_near_ones(score, world):
    rows = world.rows('a') + world.rows('bb')

    with pytest.raises(ValueError, match=r"1 videos are not .*'bb' \(did you mean 'b'\?\)"):
        score(rows)
    assert score(rows, unknown_videos='drop')['coverage']['dropped'] == ['bb']


def test_unknown_classes_are_listed_with_near_ones(score, world):
    with pytest.raises(ValueError, match=r"1 classes .*'whisc' \(did you mean 'whisk'\?\)"):
        score(world.rows('a', label='whisc'))


def test_class_of_another_video_counts_as_wrong(world):
    other = world.truth_of(pool=['boil', 'background'], frames={}, segments=[], clips=[])
    world.truth.write_text(json.dumps({'videos': {'a': world.truth_of(), 'b': other}}))
    rows = world.rows('a', label='boil', box=[0, 0, 5, 5])

    found = evaluate(build_protocol(PROTOCOLS, 'exchange', {}), world.truth, world.write(rows))

    assert found['coverage']['seconds_of_foreign_class'] == 8
    assert found['metrics']['temporal/framewise/bg=exclude']['mof'] == 0.5  # b is background
    assert found['metrics']['frame_map']['num_gt'] == 5


def test_too_many_seconds_are_refused_or_counted(score, world):
    rows = world.rows('a', num=11)

    with pytest.raises(ValueError, match='has 11 seconds, 3 of them after its last, 7'):
        score(rows)
    assert score(rows, extra_seconds='drop')['coverage']['seconds_dropped'] == 3


def test_coordinates_of_a_declared_frame_are_scaled(score, world):
    rows = []
    for row in world.rows('a', frame_size=[200, 160]):
        double = {k: [2 * x for x in row[k]] for k in ('box', 'query_box') if k in row}
        rows.append(row | double)

    found = score(rows + world.rows('b'))

    assert found['coverage']['videos_of_other_frame_size'] == 1
    assert found['metrics']['spatial/upsample_first']['mean_iou'] == 1


@pytest.mark.parametrize(
    ('side', 'changes', 'count'),
    [
        (25, {}, 2),  # boxes end at 0.25 of the width and 0.3125 of the height
        (54, {}, 0),  # at 0.54 and 0.675
        (25, {'frame_size': [100, 80]}, 0),  # it says what its pixels are
    ],
)
def test_places_that_never_leave_the_upper_left_are_counted(score, world, side, changes, count):
    box = {'box': [5, 5, side, side], 'query_box': [5, 5, side, side]}
    rows = [
        row | box | changes if 'box' in row else row | changes
        for row in world.rows('a') + world.rows('b')
    ]

    assert score(rows)['coverage']['videos_in_upper_left'] == count
    assert score(rows[:8])['coverage']['videos_in_upper_left'] == 0  # too few to tell


@pytest.mark.parametrize(
    ('box', 'size', 'message'),
    [
        ([20, 40, 120, 60], None, 'leaves the annotated frame of 100 x 80'),
        ([20, 40, 120, 60], [110, 80], 'leaves the declared frame of 110 x 80'),
        ([0.1, 0.2, 0.5, 0.7], None, r'all coordinates lie in 0..1, .* frame_size \[1, 1\]'),
    ],
)
def test_coordinates_of_an_undeclared_frame_are_refused(score, world, box, size, message):
    with pytest.raises(ValueError, match=message):
        score(world.rows('a', box=box, frame_size=size))


def test_mask_scores_like_the_box_it_fills(score, world):
    counts = [10 * 80 + 20, *([40, 40] * 40)]  # 40 columns of 20 above, 40 inside, 20 below
    counts[-1] = 100 * 80 - sum(counts[:-1])
    mask = {'size': [80, 100], 'counts': counts}

    found = score(
        [{**row, 'query_mask': mask, 'query_box': None} for row in world.rows('a')]
        + world.rows('b')
    )

    assert found['metrics']['spatial/upsample_first']['mean_iou'] == 1
    assert found['metrics']['official_script_compat']['num_valid'] == 10


def test_predictions_near_a_second_are_taken_and_of_two_the_earlier(score, world):
    rows = [row for row in world.rows('a') if row['second'] != 4]
    rows += [{**rows[0], 'second': 3.6, 'label': 'crack egg', 'box': [10, 20, 50, 60]}]
    rows += [{**rows[0], 'second': 4.4, 'label': 'whisk', 'box': [10, 20, 50, 60]}]

    found = score(rows + world.rows('b'))

    assert found['per_video']['a']['classes']['whisk']['right_label'] == 2


def test_log_probabilities_are_put_into_the_order_of_the_pool(world, score):
    order = ['background', 'whisk', 'crack egg']
    rows = []
    for row in world.rows('a') + world.rows('b'):
        probs = [0.0 if (row['label'] or 'background') == name else -9.0 for name in order]
        rows.append({**row, 'classes': order, 'log_probs': probs})

    assert score(rows)['metrics']['temporal/align/bg=include']['iou'] == 1


def test_option_of_another_protocol_is_refused():
    with pytest.raises(ValueError, match="protocol 'exchange' has no option --sizes"):
        build_protocol(PROTOCOLS, 'exchange', {'sizes': 'x'})
    with pytest.raises(ValueError, match="did you mean 'exchange'"):
        build_protocol(PROTOCOLS, 'exchang', {})


def test_a_pool_without_background_is_refused(world, score):
    world.truth.write_text(
        json.dumps({'videos': {'a': world.truth_of(pool=['crack egg', 'whisk'])}})
    )
    with pytest.raises(ValueError, match=r"gt.json: videos.a.pool lacks 'background'"):
        score(world.rows('a'))


def test_log_probabilities_of_some_videos_only_are_refused(world, score):
    rows = [{**row, 'log_probs': [-1.0, -2.0, -3.0]} for row in world.rows('a')]
    with pytest.raises(ValueError, match="1 of 2 videos have no log-probabilities, such as 'b'"):
        score(rows + world.rows('b'))
