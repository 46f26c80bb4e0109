"""What trivial predictors score on the real GroundingYouTube files (majority boxes, 250 videos)."""

from dataclasses import replace

import numpy as np
import pytest
import real_annotations

from stgr.evaluation.functional import (
    BoxPlaces,
    Control,
    HeatPlaces,
    PlaceSettings,
    TubeSettings,
    apply_control,
    reduce_record,
    score_iou_point,
    score_pointing,
    score_spatial,
    score_video_map,
)


@pytest.fixture(scope='module')
def records():
    return real_annotations.grounding_records()


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


def _scored_at_random(records, control):
    """Facts of a control whose places are ranked at random, as the anchors are."""
    generator, found = np.random.default_rng(1), []
    for record in records:
        places = apply_control(record, control).query_places
        places = replace(places, scores=generator.random(record.num_frames))
        found.append(reduce_record(replace(record, query_places=places)))
    return found


@pytest.mark.parametrize(
    ('places', 'share', 'wanted', 'tolerance'),
    [
        ('truth', (1, 1), {'ap_class_all': 99.72, 'ap_class_hico10': 90.76}, 0.03),
        ('centre', (0.5, 0.6), {'ap_class_all': 54.35, 'ap_class_hico10': 51.97}, 0.6),
        ('centre', (0.4, 0.5), {'ap_class_all': 51.03}, 0.6),
        ('centre', (0.3, 0.4), {'ap_class_all': 39.15}, 0.6),
        ('centre', (0.6, 0.7), {'ap_class_all': 47.01}, 0.6),
        ('centre', (1, 1), {'ap_class_all': 2.31, 'ap_class_hico10': 2.47}, 0.4),
        ('random', (1, 1), {'ap_class_all': 14.21, 'ap_class_hico10': 15.24}, 1.2),
        ('random', (1, 1), {'iou_hit_micro': 24.88, 'iou_hit_class': 23.82}, 1.4),
        ('random', (1, 1), {'mean_iou': 19.19}, 0.5),
    ],
)
def test_ranked_scores_of_constant_and_random_places(records, places, share, wanted, tolerance):
    got = score_spatial(_scored_at_random(records, Control('background', places, share)))
    assert {k: 100 * got[k] for k in wanted} == pytest.approx(wanted, abs=tolerance)


def _points(records, of_record):
    for record in records:
        points = np.broadcast_to(of_record(record), (record.num_frames, 2)).astype(float)
        places = BoxPlaces(points, np.zeros((record.num_frames, 4)))
        yield reduce_record(replace(record, query_places=places))


def test_the_best_constant_point_and_an_empty_place(records):
    facts = list(_points(records, lambda record: (326, 256)))
    assert 100 * score_pointing(facts)['pointing_acc'] == pytest.approx(67.56, abs=0.0051)
    got = score_spatial(facts)
    assert (got['iou_hit_micro'], got['ap_class_all'], got['mean_iou']) == (0, 0, 0)


def test_mean_clicks_lie_in_the_boxes_made_from_them(records):
    (rows,) = real_annotations.read_json('grounding_youtube', 'clicks_mean_21k.json')
    clicks = {}
    for row in rows:
        if row['x'] is not None:
            name = row['image_url'].rsplit('/', 1)[-1]  # VIDEO_SECOND_STEP.jpg, 11 letters first
            clicks[name[:11], int(name[12:].split('_')[0])] = (row['x'], row['y'])

    def of_record(record):
        seconds = range(record.num_frames)
        return [clicks.get((record.video_id, second), (np.nan, np.nan)) for second in seconds]

    hits, num = 0, 0
    for record in records:
        points = np.array(of_record(record), float)
        known = (record.gt_labels >= 0) & ~np.isnan(points[:, 0])
        facts = next(iter(_points([record], lambda _, p=points: np.nan_to_num(p, nan=-1.0))))
        hits, num = hits + int(facts.query.hit[known].sum()), num + int(known.sum())
    assert num == pytest.approx(13_760, abs=15)  # seconds of two steps have two clicks
    assert 100 * hits / num == pytest.approx(96.30, abs=0.05)


def test_a_seven_by_seven_map_of_box_coverage_is_nearly_the_box(records):
    facts = []
    for record in records:
        edges = [np.linspace(0, size, 8) for size in record.frame_size]
        boxes = np.clip(record.gt_boxes_px, 0, [*record.frame_size] * 2)
        x, y = (
            np.clip(
                np.minimum(boxes[:, i + 2, None], edges[i][1:])
                - np.maximum(boxes[:, i, None], edges[i][:-1]),
                0,
                None,
            )
            for i in (0, 1)
        )
        places = HeatPlaces(y[:, :, None] * x[:, None, :])
        settings = PlaceSettings(0.5, 'max')
        facts.append(reduce_record(replace(record, query_places=places), settings))
    got = score_pointing(facts) | score_spatial(facts)
    keys = ('pointing_acc', 'iou_hit_micro', 'mean_iou')
    assert [100 * got[k] for k in keys] == pytest.approx(
        (98.6, 99.0, 84.1), abs=0.4
    )  # of cells or their pixels?


@pytest.mark.parametrize(
    ('labels', 'places', 'wanted', 'tolerance'),
    [
        ('background', 'random', (0, 0, 6.26), 0.0051),
        ('random', 'random', (0.31, 0.26, 1.17), 0.12),
        ('most_frequent', 'random', (0.15, 0.97, 0.13), 0.25),
        ('uniform_transcript', 'random', (1.45, 1.05, 5.09), 0.4),
    ],
)
def test_iou_point_with_random_points(records, labels, places, wanted, tolerance):
    facts = _facts(records, labels, places)
    plain, background = score_iou_point(facts), score_iou_point(facts, include_background=True)
    keys = plain['iou_point_video_class'], plain['iou_point_micro']
    got = [100 * v for v in (*keys, background['iou_point_video_class'])]
    assert got == pytest.approx(wanted, abs=tolerance)


@pytest.mark.parametrize(
    ('labels', 'places', 'share', 'tube', 'wanted', 'tolerance'),
    [
        ('truth', 'centre', (1, 1), 'instance', (91.7, 16.5, 1.3, 0.2, 0.2), 1.2),
        ('truth', 'random', (1, 1), 'class', (71.9, 34.2, 10.8, 3.1, 1.3), 3.5),
        ('truth', 'random', (1, 1), 'instance', (64.2, 29.8, 10.0, 3.5, 1.3), 3.5),
        ('random', 'centre', (0.4, 0.5), 'class', (0.7, 0, 0, 0, 0), 0.5),
        ('random', 'centre', (0.4, 0.5), 'instance', (2.7, 1.0, 0.7, 0.1, 0.1), 1.2),
        ('background', 'centre', (0.4, 0.5), 'instance', (0, 0, 0, 0, 0), 0),
    ],
)
def test_video_map_of_further_predictors(records, labels, places, share, tube, wanted, tolerance):
    facts = [reduce_record(r) for r in _fifty_with_random_scores(records, labels, places, share)]
    got = score_video_map(facts, TubeSettings(tube))
    assert [100 * got[f'mAP@{t}'] for t in (0.1, 0.2, 0.3, 0.4, 0.5)] == pytest.approx(
        wanted, abs=tolerance
    )
