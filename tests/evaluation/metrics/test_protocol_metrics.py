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
    samples = [{'video_id': n, 'text_embed': t, 'video_embed': v} for n, t, v in pairs]
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
    image = {'class_name': 'cut', 'gt_boxes_px': boxes, 'frame_size': (100, 100)}
    samples = [
        image | {'heatmap': np.ones((2, 2))},
        image | {'point_px': [1, 1], 'box_px': [0, 0, 20, 100], 'score': 0.1},
        image | {'class_name': 'mix'},
    ]
    got = _evaluate({'type': 'BoxedImageMetric', 'mask_threshold': 0.5}, samples)
    assert got['boxed_image/pointing_acc'] == pytest.approx(2 / 3)
    assert got['boxed_image/iou_hit_micro'] == pytest.approx(1 / 3)
    assert got['boxed_image/ap_class_all'] == pytest.approx((1 / 2 + 0) / 2)
    config = {'type': 'BoxedImageMetric', 'mask_threshold': 0.5, 'drop_unpredicted': True}
    assert _evaluate(config, samples)['boxed_image/ap_class_all'] == pytest.approx(1 / 2)
    with pytest.raises(KeyError, match='score'):
        _evaluate(config, [image | {'point_px': [1, 1], 'box_px': [0, 0, 20, 100]}])
