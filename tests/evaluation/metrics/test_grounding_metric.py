import json
import math

import numpy as np
import pytest

from stgr.evaluation.functional import reduce_record, score_iou_point
from stgr.evaluation.metrics import GroundingMetric
from stgr.registry import METRICS


def _sample(video_id='v', gt=(0, 0, 1, -1), pred=(0, 0, -1, 1)):
    num = len(gt)
    heat = np.zeros((num, 2, 2))
    heat[:, 0, 0] = 1
    return {
        'video_id': video_id,
        'pool': ['a', 'b'],
        'times': np.arange(num),
        'gt_labels': np.array(gt),
        'gt_boxes_px': np.tile([0, 0, 50, 50], (num, 1)),
        'frame_size': (100, 100),
        'pred_labels': np.array(pred),
        'pred_scores': np.linspace(1, 0, num),
        'heatmaps': heat,
        'gt_heatmaps': heat,
    }


def _evaluate(metric, samples):
    for sample in samples:
        metric.process(None, [sample])
    return metric.evaluate(len(samples))


def test_the_metric_is_built_from_a_config_and_scores_by_hand():
    metric = METRICS.build({'type': 'GroundingMetric'})
    got = _evaluate(metric, [_sample()])
    assert got['grounding/labels/label_acc'] == 0.5
    assert got['grounding/pointing/pointing_acc'] == 1
    assert got['grounding/iou_point/iou_point_video_class'] == 0.5
    assert got['grounding/num_videos'] == 1
    assert all(isinstance(value, float) for value in got.values())


def test_a_record_may_lie_inside_the_data_sample():
    got = _evaluate(GroundingMetric(['labels']), [{'eval_record': _sample(), 'other': 1}])
    assert got['grounding/labels/label_acc'] == 0.5


def test_controls_stand_beside_the_system():
    metric = GroundingMetric(controls=['chance', 'oracle', 'all_background'])
    got = _evaluate(metric, [_sample('v'), _sample('w')])
    assert got['grounding/oracle/iou_point/iou_point_video_class'] == 1
    assert got['grounding/oracle/video_map/mAP@0.1:0.5'] == 1
    assert got['grounding/all_background/labels/label_acc'] == 0.25
    assert 'grounding/chance/labels/label_acc' in got


def test_a_second_evaluation_does_not_remember_the_first():
    metric = GroundingMetric(['labels'])
    first = _evaluate(metric, [_sample('v')])
    assert _evaluate(metric, [_sample('v')]) == first


def test_samples_padded_by_the_sampler_are_dropped_but_other_repeats_refused():
    metric = GroundingMetric(['labels'])
    metric.process(None, [_sample('v'), _sample('w'), _sample('v')])
    assert metric.evaluate(2)['grounding/num_videos'] == 2
    metric.process(None, [_sample('v'), _sample('v')])
    with pytest.raises(ValueError, match=r"more than once.*'v'"):
        metric.evaluate(2)


def test_values_of_every_video_are_kept_and_written(tmp_path):
    path = tmp_path / 'deep' / 'per_video.json'
    metric = GroundingMetric(controls=['centre'], per_video_path=str(path), mask_threshold=0.5)
    got = _evaluate(metric, [_sample('v'), _sample('w', gt=(-1, -1), pred=(0, -1))])
    content = json.loads(path.read_text())
    values = content['videos']['system']
    key = 'iou_point/iou_point_video_class'
    assert values['v'][key] == got['grounding/' + key]  # w has no action: undefined
    assert values['w'][key] is None
    assert math.isnan(metric.per_video['system']['w'][key])
    assert set(content['videos']) == {'system', 'centre'}
    assert content['settings']['mask_threshold'] == 0.5
    assert [file.name for file in path.parent.iterdir()] == ['per_video.json']


def test_boxes_that_nothing_can_hit_are_counted():
    sample = _sample()
    sample['gt_boxes_px'] = np.array([[0, 0, 50, 50], [50, 0, 0, 50], [5, 5, 5, 9], [0, 0, 0, 0]])
    got = _evaluate(GroundingMetric(), [sample])
    assert got['grounding/num_empty_boxes'] == 2
    assert got['grounding/pointing/num_frames'] == 3


def test_a_score_on_fewer_videos_than_annotated_says_so(tmp_path):
    path = tmp_path / 'per_video.json'
    metric = GroundingMetric(['labels'], per_video_path=str(path))
    metric.dataset_meta = {'num_videos': 4, 'num_boxes': 20}
    got = _evaluate(metric, [_sample('v'), _sample('w', gt=(-1, 0), pred=(0, 0))])

    assert {key: value for key, value in got.items() if 'coverage' in key} == {
        'grounding/coverage/videos_annotated': 4,
        'grounding/coverage/videos_scored': 2,
        'grounding/coverage/boxes_annotated': 20,
        'grounding/coverage/boxes_scored': 3 + 1,
        'grounding/coverage/frames_scored': 4 + 2,
        'grounding/coverage/share': 0.5,
    }
    assert all(isinstance(value, float) for value in got.values())
    stamped = json.loads(path.read_text())['coverage']
    assert (stamped['share'], stamped['missing']) == (0.5, 'left_out')


def test_without_metainfo_nobody_claims_a_coverage(tmp_path):
    path = tmp_path / 'per_video.json'
    got = _evaluate(GroundingMetric(['labels'], per_video_path=str(path)), [_sample()])

    assert not [key for key in got if 'coverage' in key]
    assert json.loads(path.read_text())['coverage'] is None


def test_more_videos_than_annotated_are_an_error():
    metric = GroundingMetric(['labels'])
    metric.dataset_meta = {'num_videos': 1}
    with pytest.raises(ValueError, match='videos_scored=2 exceeds videos_annotated=1'):
        _evaluate(metric, [_sample('v'), _sample('w')])


def test_the_mean_of_the_videos_is_the_score_of_the_data_set(make_record):
    records = [make_record('aab-', 'ab--'), make_record('bb-', 'bb-', video_id='w')]
    facts = [reduce_record(record) for record in records]
    alone = [score_iou_point([video])['iou_point_video_class'] for video in facts]
    assert score_iou_point(facts)['iou_point_video_class'] == pytest.approx(np.mean(alone))


@pytest.mark.parametrize(
    'arguments',
    [{'tasks': ['pointng']}, {'controls': ['center']}, {'tasks': 'labels'}],
)
def test_unknown_names_list_the_known_ones(arguments):
    with pytest.raises(ValueError, match='must be a list of'):
        GroundingMetric(**arguments)
