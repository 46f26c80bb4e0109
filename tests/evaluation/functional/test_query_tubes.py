import numpy as np
import pytest

from stgr.evaluation.functional import QueryTube, score_query_tubes, tube_iou

FRAMES = np.arange(0, 20, 2)  # every second frame is looked at


def _query(pred_span, true_span, widths=10, query_id='q', **changes):
    """True boxes are 10 wide, predicted ones lie in them: IoU = width / 10."""
    num = len(FRAMES)
    true = np.tile([0.0, 0.0, 10.0, 10.0], (num, 1))
    pred = true.copy()
    pred[:, 2] = widths
    values = {'frames': FRAMES, 'pred_boxes_px': pred, 'true_boxes_px': true}
    return QueryTube(query_id, pred_span=pred_span, true_span=true_span, **values | changes)


def test_overlaps_by_hand():
    # predicted 4..12, true 8..16: common 8..12 of 4..16; frames 8 10 of 4 6 8 10 12 14
    got = tube_iou(_query((4, 12), (8, 16), widths=5))
    assert got.tiou == pytest.approx(4 / 12)
    assert got.viou == pytest.approx(2 * 0.5 / 6)
    assert got.siou == pytest.approx(0.5)


def test_spans_are_half_open():
    got = tube_iou(_query((0, 8), (8, 16)))
    assert (got.tiou, got.viou, got.siou) == (0, 0, 1)


def test_the_hull_of_separate_spans_holds_the_gap_but_nothing_is_common():
    assert tube_iou(_query((0, 4), (14, 18))).viou == 0
    assert tube_iou(_query((0, 4), (14, 18))).tiou == 0
    assert tube_iou(_query((4, 4), (4, 8))).tiou == 0  # nothing predicted


def test_perfect_tubes_score_one_and_a_viou_at_the_threshold_is_a_miss():
    got = score_query_tubes([_query((4, 12), (4, 12)), _query((4, 12), (4, 12), 5, 'r')])
    assert got['tiou'] == 1
    assert got['viou'] == pytest.approx(0.75)
    assert (got['viou@0.3'], got['viou@0.5']) == (1, 0.5)  # 0.5 > 0.5 is false


def test_sentences_of_a_kind_are_scored_apart():
    queries = [
        _query((4, 12), (4, 12), group='declarative'),
        _query((0, 4), (4, 12), query_id='r', group='interrogative'),
        _query((4, 8), (4, 12), query_id='s', group='interrogative'),
    ]
    got = score_query_tubes(queries)
    assert got['declarative/viou'] == 1
    assert got['interrogative/viou'] == pytest.approx((0 + 2 / 4) / 2)
    assert (got['num_queries'], got['interrogative/num_queries']) == (3, 2)


def test_true_boxes_outside_the_true_span_are_not_read():
    true = np.full((10, 4), np.nan)
    true[2:6] = [0, 0, 10, 10]
    assert tube_iou(_query((0, 20), (4, 12), true_boxes_px=true)).viou == pytest.approx(4 / 10)


def test_an_empty_or_inverted_box_overlaps_nothing():
    pred = np.tile([10.0, 0.0, 0.0, 10.0], (10, 1))
    assert tube_iou(_query((4, 12), (4, 12), pred_boxes_px=pred)).viou == 0


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'pred_boxes_px': np.zeros((3, 4))}, r"'q'.*\(10, 4\)"),
        ({'pred_boxes_px': np.full((10, 4), np.nan)}, 'NaN'),
        ({'true_boxes_px': np.full((10, 4), np.nan)}, 'within the true span'),
        ({'pred_span': (5, 4)}, 'start <= end'),
        ({'true_span': (30, 40)}, 'no sampled frame'),
        ({'frames': FRAMES[::-1]}, 'ascending'),
    ],
)
def test_wrong_tubes_name_their_sentence(changes, message):
    values = {'pred_span': (4, 12), 'true_span': (4, 12)} | changes
    with pytest.raises(ValueError, match=message):
        _query(**values)


def test_a_sentence_scored_twice_is_an_error_and_none_are_nan():
    with pytest.raises(ValueError, match=r"'q'.*more than once"):
        score_query_tubes([_query((4, 12), (4, 12))] * 2)
    assert np.isnan(score_query_tubes([])['viou'])
