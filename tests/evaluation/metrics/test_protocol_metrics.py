"""Each thin metric, built from a config, scores by hand."""

import numpy as np
import pytest

from stgr.registry import METRICS


def _evaluate(config, samples):
    metric = METRICS.build(config)
    for sample in samples:
        metric.process(None, [sample])
    return metric.evaluate(len(samples))


def test_alignment_stands_beside_uniform_and_nothing():
    scores = np.full((6, 2), -9.0)
    scores[:4, 1], scores[4:, 0] = 0, 0  # background for four frames, then the step
    sample = {
        'video_id': 'v',
        'log_scores': scores,
        'transcript': [-1, 0],
        'gt_labels': [-1, -1, -1, -1, 0, 0, 0],
    }
    got = _evaluate({'type': 'AlignmentMetric'}, [sample])
    assert got['alignment/iou'] == 1  # the last frame is padded
    assert got['alignment/without_background/iod'] == 1
    # uniform: four frames background, since frame 3 of 7 begins before the middle's half
    assert got['alignment/uniform_transcript/mof'] == pytest.approx(6 / 7)
    assert got['alignment/all_background/iou'] == pytest.approx(4 / 7 / 2)
    blocks = _evaluate({'type': 'AlignmentMetric', 'block': 3}, [sample])
    assert blocks['alignment/mof'] == pytest.approx(6 / 7)


def test_clips_are_scored_from_records():
    maps = np.ones((6, 1, 1))
    sample = {
        'video_id': 'v',
        'pool': ['a'],
        'frame_times_sec': np.arange(6),
        'gt_labels': np.array([-1, -1, 0, 0, -1, -1]),
        'gt_boxes_px': np.tile([0, 0, 100, 100], (6, 1)),
        'frame_size': (100, 100),
        'pred_labels': np.array([0, 0, 0, 0, -1, 0]),
        'pred_scores': np.ones(6),
        'heatmaps': maps,
        'clips': [(2, 3, 'a'), (0, 1, 'a')],
    }
    got = _evaluate({'type': 'SingleActionMetric', 'mask_threshold': 0.5}, [sample])
    assert got['single_action/iou_point'] == pytest.approx(2 / 3)  # window 1..4, P: 1 2 3
    assert got['single_action/mAP@0.5'] == 1
    assert got['single_action/num_unboxed_clips'] == 1


def test_tubes_of_sentences_are_scored():
    sample = {
        'query_id': 'q',
        'frames': [0, 1, 2, 3],
        'pred_span': (0, 2),
        'true_span': (0, 4),
        'pred_boxes_px': np.tile([0, 0, 5, 10], (4, 1)),
        'true_boxes_px': np.tile([0, 0, 10, 10], (4, 1)),
        'group': 'declarative',
    }
    got = _evaluate({'type': 'QueryTubeMetric'}, [sample])
    assert got['query_tube/tiou'] == 0.5
    assert got['query_tube/declarative/viou'] == pytest.approx(0.25)


def test_retrieval_takes_cosines_of_pairs():
    texts, videos = [[1, 0], [0, 2], [3, 1]], [[5, 0], [0, 1], [1, 1]]
    pairs = zip('abc', texts, videos, strict=True)
    samples = [
        {'text_id': f'{n}0', 'video_id': n, 'text_embed': t, 'video_embed': v} for n, t, v in pairs
    ]
    got = _evaluate({'type': 'RetrievalMetric'}, samples)
    # text c (3, 1): cosine 0.949 with a, 0.894 with its own video
    assert got['retrieval/text_to_video/R@1'] == pytest.approx(2 / 3)
    assert got['retrieval/text_to_video/mean_rank'] == pytest.approx(4 / 3)
    with pytest.raises(ValueError, match=r"'a'.*text_embed"):
        _evaluate({'type': 'RetrievalMetric'}, [samples[0] | {'text_embed': [0, 0]}])
    with pytest.raises(ValueError, match='optimistic'):
        METRICS.build({'type': 'RetrievalMetric', 'ties': 'best'})


def test_images_with_two_boxes_are_scored_and_silent_classes_dropped():
    boxes = [[0, 0, 50, 100], [50, 0, 100, 100]]
    image = {'image_id': 0, 'class_name': 'cut', 'gt_boxes_px': boxes, 'frame_size': (100, 100)}
    samples = [
        image | {'heatmap': np.ones((2, 2))},
        image | {'image_id': 1, 'point_px': [1, 1], 'box_px': [0, 0, 20, 100], 'score': 0.1},
        image | {'image_id': 2, 'class_name': 'mix'},
    ]
    got = _evaluate({'type': 'BoxedImageMetric', 'mask_threshold': 0.5}, samples)
    assert got['boxed_image/pointing_acc'] == pytest.approx(2 / 3)
    assert got['boxed_image/iou_hit_micro'] == pytest.approx(1 / 3)
    assert got['boxed_image/ap_class_all'] == pytest.approx((1 / 2 + 0) / 2)
    config = {'type': 'BoxedImageMetric', 'mask_threshold': 0.5, 'drop_unpredicted': True}
    assert _evaluate(config, samples)['boxed_image/ap_class_all'] == pytest.approx(1 / 2)
    with pytest.raises(KeyError, match='score'):
        _evaluate(config, [image | {'point_px': [1, 1], 'box_px': [0, 0, 20, 100]}])


def _answer(**changes):
    """What a model says of four frames of a pool of one action, frame 40 x 40."""
    sample = {
        'video_id': 'v',
        'pool': ['a'],
        'frame_times_sec': np.arange(4.0),
        'frame_size': (40, 40),
        'gt_labels': np.array([-1, 0, 0, -1]),
        'gt_boxes_px': np.tile([0.0, 0, 20, 40], (4, 1)),
        'pred_labels': np.array([0, -1, 0, 0]),
        'pred_scores': np.array([0.6, 0.1, 0.7, 0.9]),
        'heatmaps': np.tile([[0.0, 1.0]], (4, 1, 1)),
        'gt_heatmaps': np.tile([[1.0, 0.0]], (4, 1, 1)),
    }
    return sample | changes


def test_a_model_aligns_by_its_similarities():
    answer = {
        'video_id': 'v',
        'similarity': np.array([[0.1, 0.9, 0.9, 0.2], [0.2, 0.1, 0.1, 0.8]]),
        'gt_transcript': np.array([-1, 0, 1]),
        'gt_labels': np.array([-1, 0, 0, 1]),
    }
    assert _evaluate({'type': 'AlignmentMetric'}, [answer])['alignment/mof'] == 1
    # Background that is surer than the first step takes all it can.
    sure = _evaluate({'type': 'AlignmentMetric', 'background_score': 0.95}, [answer])
    assert sure['alignment/mof'] == 0.75


def test_a_model_is_scored_on_the_union_of_the_boxes_of_each_scored_image():
    regions = [np.zeros((0, 4)), np.array([[0, 0, 10, 40], [10, 0, 20, 40]]), np.zeros((1, 4))]
    answer = _answer(
        region_boxes_px=[*regions, np.array([[30, 0, 40, 40]])],
        eval_mask=np.array([False, True, False, True]),
        gt_labels=np.zeros(4, int),
    )
    config = {'type': 'BoxedImageMetric', 'mask_threshold': 0.5, 'controls': ['centre']}
    got = _evaluate(config, [answer])
    # The map is at the left: the first image's two boxes together, nothing of the second's.
    assert got['boxed_image/num_frames'] == 2
    assert got['boxed_image/pointing_acc'] == 0.5
    assert got['boxed_image/iou_hit_micro'] == 0.5
    assert got['boxed_image/mean_iou'] == pytest.approx(0.5)
    # The centre (20, 20) is the corner of the first union; its box 10..30 x 8..32 covers 240 of
    # 800 + 480 - 240 there and none of the second image.
    assert got['boxed_image/centre/pointing_acc'] == 0.5
    assert got['boxed_image/centre/mean_iou'] == pytest.approx(240 / 1040 / 2)
    with pytest.raises(ValueError, match='oracle'):
        METRICS.build(config | {'controls': ['oracle']})


def test_a_model_answers_a_sentence_by_its_surest_run():
    import stgr.localizers  # noqa: F401 - registers them

    answer = _answer(
        query_id='7',
        query_kind='interrogative',
        frame_idx=np.array([10, 20, 30, 40]),
        tube_frames=(15, 99),
        clip_frames=(10, 50),
        gt_labels=np.array([-1, 0, 0, 0]),
        eval_mask=np.array([True, False, True, True]),
    )
    metric = {'type': 'QueryTubeMetric', 'localizer': {'type': 'HeatMapSpatialLocalizer'}}
    got = _evaluate(metric, [answer])
    # Predicted 30..50, true 15..50; frames 30 and 40 of both, 20 has no known box. The map of the
    # left cell is cut at 0.3 of its range: columns up to 23 of 40 (0.7 * 20 + 10 - 0.5 = 23.5).
    assert got['query_tube/tiou'] == pytest.approx(20 / 35)
    assert got['query_tube/siou'] == pytest.approx(20 / 24)
    assert got['query_tube/interrogative/viou'] == pytest.approx(20 / 24)
    silent = _evaluate(metric, [answer | {'pred_labels': np.full(4, -1)}])
    assert (silent['query_tube/tiou'], silent['query_tube/viou']) == (0, 0)
    assert silent['query_tube/siou'] == pytest.approx(20 / 24)
    with pytest.raises(ValueError, match='needs a localizer'):
        _evaluate({'type': 'QueryTubeMetric'}, [answer])


def test_clips_are_scored_beside_controls():
    answer = _answer(clips=[(1, 2, 'a')])
    config = {'type': 'SingleActionMetric', 'mask_threshold': 0.5, 'controls': ['oracle']}
    got = _evaluate(config, [answer])
    assert got['single_action/iou_point'] == 0  # P: 0 2 3, pointing to the right
    assert got['single_action/oracle/iou_point'] == 1
    with pytest.raises(ValueError, match='controls must be some of'):
        METRICS.build(config | {'controls': ['best']})


def test_frames_that_do_not_count_are_left_out_of_every_score():
    answer = _answer(eval_mask=np.array([False, True, True, False]))
    got = _evaluate({'type': 'GroundingMetric', 'tasks': ['labels']}, [answer])
    assert got['grounding/labels/label_acc'] == 0.5
    assert _evaluate({'type': 'GroundingMetric', 'tasks': ['labels']}, [_answer()])[
        'grounding/labels/label_acc'
    ] == pytest.approx(1 / 4)


def _units():
    """Per metric: its config, two samples, and what the scores of both cover."""
    import stgr.localizers  # noqa: F401 - registers them

    frames = {'frame_idx': np.arange(4), 'tube_frames': (1, 3), 'clip_frames': (0, 4)}
    regions = [np.zeros((2, 4))] * 4
    image = {'class_name': 'a', 'gt_boxes_px': np.zeros((2, 4)), 'frame_size': (9, 9)}
    pair = {'video_id': 'v', 'text_embed': [1, 0], 'video_embed': [1, 0]}
    aligned = {
        'similarity': np.ones((1, 3)),
        'gt_transcript': np.array([0]),
        'gt_labels': np.zeros(3, int),
    }
    localizer = {'type': 'HeatMapSpatialLocalizer'}
    answers = [_answer(video_id=name, clips=[(1, 2, 'a')], query_id=name) for name in 'vw']
    boxed = {'region_boxes_px': regions, 'gt_labels': np.zeros(4, int)}
    return {
        'GroundingMetric': ({}, answers, {'videos': 2, 'boxes': 4, 'frames': 8}),
        'SingleActionMetric': ({}, answers, {'videos': 2, 'boxes': 4, 'frames': 8}),
        'AlignmentMetric': (
            {},
            [aligned | {'video_id': name} for name in 'vw'],
            {'videos': 2, 'frames': 6},
        ),
        'QueryTubeMetric': (
            {'localizer': localizer},
            [answer | frames for answer in answers],
            {'videos': 2, 'frames': 8},
        ),
        'BoxedImageMetric': (
            {},
            [answers[0] | boxed, image | {'image_id': 'x'}],
            {'videos': 2, 'boxes': 10, 'frames': 5},
        ),
        'RetrievalMetric': ({}, [pair | {'text_id': name} for name in 'vw'], {'videos': 2}),
    }


@pytest.mark.parametrize('name', _units())
def test_every_metric_says_what_it_covers_and_refuses_a_unit_that_comes_twice(name):
    settings, samples, covered = _units()[name]

    def metric(**dataset_meta):
        built = METRICS.build({'type': name, 'prefix': 'x', **settings})
        built.dataset_meta = dataset_meta
        return built

    def score(built, samples):
        for sample in samples:
            built.process(None, [sample])
        return built.evaluate(len(samples))

    got = score(metric(num_items=4, num_videos=1), samples)
    stated = {f'x/coverage/{what}_scored': count for what, count in covered.items()}
    assert {key: value for key, value in got.items() if 'coverage' in key} == {
        'x/coverage/videos_annotated': 4,
        'x/coverage/share': 0.5,
        **stated,
    }
    assert not [key for key in score(metric(), samples) if 'coverage' in key]
    for twice in samples:
        with pytest.raises(ValueError, match=r'1 .* were scored more than once, such as '):
            score(metric(), [*samples, twice])
    with pytest.raises(ValueError, match='videos_scored=2 exceeds videos_annotated=1'):
        score(metric(num_items=1), samples)


def test_texts_of_one_video_count_as_one_where_the_data_set_counts_videos():
    _, samples, _ = _units()['RetrievalMetric']
    metric = METRICS.build({'type': 'RetrievalMetric'})
    metric.dataset_meta = {'num_videos': 1}
    metric.process(None, samples)
    assert metric.evaluate(2)['retrieval/coverage/share'] == 1
