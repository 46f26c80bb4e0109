"""What trivial predictors score on the real GroundingYouTube files (majority boxes, 250 videos)."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stgr.evaluation.functional import (
    BoxPlaces,
    Control,
    TubeSettings,
    apply_control,
    instances_from_segments,
    record_from_mapping,
    reduce_record,
    score_iou_point,
    score_pointing,
    score_spatial,
    score_video_map,
)

FILES = ('box_anno.json', 'id2wh_new.json', 'seg.json')


@pytest.fixture(scope='module')
def records():
    root = os.environ.get('STGR_DATA_ROOT')
    if not root:
        pytest.skip('set STGR_DATA_ROOT to the folder that holds annotations/grounding_youtube')
    folder = Path(root) / 'annotations' / 'grounding_youtube'
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        pytest.skip(f'{folder} lacks {missing}')
    boxes, sizes, segments = (json.loads((folder / name).read_text()) for name in FILES)
    return [_record(name, boxes[name], sizes[name], segments[name]) for name in sorted(boxes)]


def _record(name, rows, size, segments):
    pool = sorted({row['step_name'] for row in rows})
    index = {label: i for i, label in enumerate(pool)}
    spans = [(*s['segment'], index.get(s['sentence'].replace('_', ' '), -1)) for s in segments]
    num = max([row['second'] for row in rows] + [span[1] for span in spans]) + 7
    labels, boxes = np.full(num, -1), np.zeros((num, 4))
    for row in rows:
        labels[row['second']] = index[row['step_name']]
        boxes[row['second']] = row['box']
    return record_from_mapping(
        {
            'video_id': name,
            'pool': pool,
            'times': np.arange(num),
            'gt_labels': labels,
            'gt_boxes_px': boxes,
            'gt_instances': instances_from_segments(labels, np.arange(num), spans),
            'frame_size': size,
            'pred_labels': np.full(num, -1),
            'pred_scores': np.zeros(num),
        }
    )


def _facts(records, *control):
    return [reduce_record(apply_control(record, Control(*control))) for record in records]


def test_counts_are_those_of_the_released_files(records):
    facts = _facts(records, 'truth', 'truth')
    classes = score_video_map(facts)
    assert (len(records), classes['num_gt']) == (250, 3346)
    instances = [len(np.unique(video.gt_instances[video.gt_instances >= 0])) for video in facts]
    assert sum(instances) == 4498
    fifty = score_video_map(facts[::5], TubeSettings('instance'))
    assert (fifty['num_gt'], fifty['num_det']) == (948, 1107)
    assert score_video_map(facts[::5])['num_gt'] == 716


@pytest.mark.parametrize(
    ('places', 'share', 'wanted'),
    [
        ('truth', (1, 1), {'pointing_acc': 99.90, 'iou_hit_micro': 99.90, 'iou_hit_class': 99.80}),
        ('centre', (0.5, 0.6), {'pointing_acc': 67.18, 'iou_hit_micro': 65.56}),
        ('centre', (0.5, 0.6), {'iou_hit_class': 63.09, 'mean_iou': 37.30}),
        ('centre', (0.4, 0.5), {'iou_hit_micro': 61.71, 'mean_iou': 37.5}),
        ('centre', (0.3, 0.4), {'iou_hit_micro': 50.73, 'mean_iou': 31.3}),
        ('centre', (0.6, 0.7), {'iou_hit_micro': 59.30, 'mean_iou': 32.2}),
        ('centre', (1, 1), {'iou_hit_micro': 4.84, 'iou_hit_class': 4.00, 'mean_iou': 17.38}),
    ],
)
def test_constant_places_score_as_published(records, places, share, wanted):
    facts = _facts(records, 'background', places, share)
    got = score_pointing(facts) | score_spatial(facts)
    assert got['num_frames'] == 17_316
    for key, value in wanted.items():
        digits = 0.0051 if key != 'mean_iou' or value in (37.30, 17.38) else 0.051
        assert 100 * got[key] == pytest.approx(value, abs=digits), key


def test_a_random_point_hits_as_often_as_expected(records):
    got = score_pointing(_facts(records, 'background', 'random'))['pointing_acc']
    assert 100 * got == pytest.approx(17.38, abs=1.2)  # 4 standard deviations


@pytest.mark.parametrize(
    ('labels', 'places', 'wanted', 'tolerance'),
    [
        ('truth', 'truth', (99.86, 99.90, 99.87), 0.0051),
        ('truth', 'centre', (65.47, 67.18, 68.24), 0.0051),
        ('background', 'truth', (0, 0, 6.26), 0.0051),
        ('most_frequent', 'truth', (0.83, 5.56, 0.70), 0.0051),
        ('most_frequent', 'centre', (0.62, 3.82, 0.52), 0.021),  # which of equal counts wins
        ('uniform_transcript', 'truth', (7.34, 5.83, 10.40), 0.0051),
        ('uniform_transcript', 'centre', (4.92, 3.86, 8.20), 0.021),
        ('random', 'centre', (1.30, 1.00, 2.09), 0.15),
        ('random', 'truth', (1.86, 1.56, 2.58), 0.15),
        ('truth', 'random', (17.21, 17.78, 24.25), 0.9),
    ],
)
def test_iou_point_of_trivial_predictors(records, labels, places, wanted, tolerance):
    facts = _facts(records, labels, places)
    plain, background = score_iou_point(facts), score_iou_point(facts, include_background=True)
    keys = plain['iou_point_video_class'], plain['iou_point_micro']
    got = [100 * v for v in (*keys, background['iou_point_video_class'])]
    assert got == pytest.approx(wanted, abs=tolerance)


def _fifty_with_random_scores(records, *control):
    generator = np.random.default_rng(0)
    for record in records[::5]:
        changed = apply_control(record, Control(*control))
        yield replace(changed, pred_scores=generator.random(record.num_frames))


@pytest.mark.parametrize(
    ('labels', 'share', 'tube', 'wanted'),
    [
        ('truth', None, 'class', (100, 100, 100, 100, 100)),
        ('truth', None, 'instance', (98.6, 97.7, 96.3, 95.4, 93.9)),
        ('truth', (0.4, 0.5), 'class', (93.8, 80.0, 61.8, 37.6, 21.9)),
        ('truth', (0.4, 0.5), 'instance', (90.1, 73.2, 53.9, 34.4, 17.9)),
        ('truth', (1, 1), 'class', (94.9, 16.6, 1.9, 0.4, 0)),
        ('uniform_transcript', (0.4, 0.5), 'class', (7.6, 2.7, 0.9, 0.4, 0)),
        ('uniform_transcript', (0.4, 0.5), 'instance', (7.8, 3.1, 1.2, 0.4, 0)),
        ('background', (0.4, 0.5), 'class', (0, 0, 0, 0, 0)),
    ],
)
def test_video_map_of_trivial_predictors(records, labels, share, tube, wanted):
    control = (labels, 'centre', share) if share else (labels, 'truth')
    facts = [reduce_record(r) for r in _fifty_with_random_scores(records, *control)]
    got = score_video_map(facts, TubeSettings(tube))
    # tubes are ranked at random: one standard deviation is about 0.4 points
    assert [100 * got[f'mAP@{t}'] for t in (0.1, 0.2, 0.3, 0.4, 0.5)] == pytest.approx(
        wanted, abs=1.2
    )


def test_uniform_transcript_with_true_boxes_and_full_frames_elsewhere(records):
    facts = []
    for record in _fifty_with_random_scores(records, 'uniform_transcript', 'centre'):
        boxed = record.gt_labels[:, None] >= 0
        boxes = np.where(boxed, record.gt_boxes_px, [0.0, 0.0, *record.frame_size])
        facts.append(reduce_record(replace(record, pred_places=BoxPlaces(boxes[:, :2], boxes))))
    got = score_video_map(facts)
    wanted = (4.0, 2.9, 1.7, 1.6, 1.5)
    assert [100 * got[f'mAP@{t}'] for t in (0.1, 0.2, 0.3, 0.4, 0.5)] == pytest.approx(
        wanted, abs=0.8
    )
