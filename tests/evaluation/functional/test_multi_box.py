import numpy as np
import pytest

from stgr.evaluation.functional import (
    BoxPlaces,
    HeatPlaces,
    MaskPlaces,
    PlaceSettings,
    compare_with_boxes,
    score_boxed_images,
)
from stgr.evaluation.functional.multi_box import split_union
from stgr.structures.run_lengths import encode_mask

HUMAN, OBJECT = [10.0, 10, 30, 50], [20.0, 40, 60, 60]  # 800 and 800 px, 100 in common


def _at(x, y, box=(0, 0, 100, 100), scores=None):
    return BoxPlaces(np.array([[x, y]], float), np.array([box], float), scores)


def test_the_true_area_is_the_union_by_hand():
    facts = compare_with_boxes(_at(0, 0), [np.array([HUMAN, OBJECT])], (100, 100))
    assert facts.box_px.tolist() == [1500]
    assert facts.iou.tolist() == [0.15]


def test_a_mask_is_compared_with_the_union_pixel_by_pixel():
    mask = np.zeros((100, 100), bool)
    mask[40:60, 10:60] = True  # 1000 px: 200 in the human, 800 in the object, 100 of them in both
    places = MaskPlaces(np.array([[15.0, 15], [0, 0]]), [encode_mask(mask), None])

    facts = compare_with_boxes(places, [np.array([HUMAN, OBJECT])] * 2, (100, 100))

    assert facts.place_px.tolist() == [1000, 0]
    assert facts.common_px.tolist() == [900, 0]
    assert facts.hit.tolist() == [True, False]


@pytest.mark.parametrize(
    ('point', 'hit'),
    [((15, 15), True), ((60, 60), True), ((25, 45), True), ((40, 20), False), ((10, 60), False)],
)
def test_a_point_hits_any_closed_box_and_not_their_hull(point, hit):
    facts = compare_with_boxes(_at(*point), [np.array([HUMAN, OBJECT])], (100, 100))
    assert facts.hit.tolist() == [hit]


def test_boxes_without_area_and_images_without_boxes_are_misses():
    empty = np.array([[5.0, 5, 5, 9], [9, 5, 5, 9]])
    places = BoxPlaces(np.full((2, 2), 5.0), np.tile([0.0, 0, 50, 50], (2, 1)))
    facts = compare_with_boxes(places, [empty, np.zeros((0, 4))], (50, 50))
    assert facts.hit.tolist() == [False, False]
    assert facts.iou.tolist() == [0, 0]


def test_an_empty_heat_map_hits_no_box_in_the_corner():
    places = HeatPlaces(np.array([[[0.0, 0.0]], [[1.0, 0.0]]]))
    corner = np.array([[0.0, 0, 30, 30]])
    facts = compare_with_boxes(places, [corner, corner], (100, 100))
    assert facts.hit.tolist() == [False, True]


@pytest.mark.parametrize('seed', range(6))
def test_masks_against_unions_equal_counting_every_pixel(oracle, seed):
    generator, size = np.random.default_rng(seed), (13, 11)
    boxes = [generator.integers(-3, 15, (n, 4)).astype(float) for n in (0, 1, 2, 4)]
    maps = generator.random((4, 3, 3))
    facts = compare_with_boxes(HeatPlaces(maps), boxes, size, PlaceSettings(0.5))
    for i, (heat, of_image) in enumerate(zip(maps, boxes, strict=True)):
        mask = np.array(oracle.all_pixels(heat, size)) >= 0.5
        truth = np.zeros(mask.shape, bool)
        for x1, y1, x2, y2 in of_image.astype(int):
            truth[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)] = True
        assert facts.place_px[i] == mask.sum()
        assert facts.box_px[i] == truth.sum()
        assert facts.common_px[i] == (mask & truth).sum()


def test_equal_boxes_are_counted_once():
    assert split_union(np.array([HUMAN, HUMAN])).tolist() == [HUMAN]


def _facts(ious, hits=None, peaks=None):
    boxes = np.array([[0, 0, 100 * iou, 100] for iou in ious], float)
    peaks = np.arange(len(ious), 0, -1.0) if peaks is None else np.asarray(peaks, float)
    points = np.where(np.asarray(hits if hits is not None else [1] * len(ious))[:, None], 50, 101)
    places = BoxPlaces(points.repeat(2, axis=1).astype(float), boxes, peaks)
    return compare_with_boxes(places, [np.array([[0.0, 0, 100, 100]])] * len(ious), (200, 200))


def test_images_are_scored_by_hand():
    got = score_boxed_images(_facts([0.3, 0.9, 0.1], [1, 0, 1]), np.array([0, 0, 5]))
    assert got['pointing_acc'] == pytest.approx(2 / 3)
    assert got['pointing_acc_class'] == pytest.approx((1 / 2 + 1) / 2)
    assert got['iou_hit_micro'] == pytest.approx(1 / 3)  # 0.3 > 0.3 is false
    assert got['iou_hit_class'] == pytest.approx((1 / 2 + 0) / 2)
    assert got['ap_class_all'] == pytest.approx((1 + 0) / 2)  # 0.3 >= 0.3 is true
    assert got['ap_class_hico10'] == pytest.approx(10 / 11 / 2)
    assert got['ap_class_11pt'] == pytest.approx(1 / 2)


def test_classes_without_predictions_count_zero_or_leave_the_mean():
    facts, classes = _facts([0.9, 0.9, 0.9]), np.array([0, 0, 1])
    predicted = np.array([True, False, False])
    plain = score_boxed_images(facts, classes, predicted=predicted)
    assert plain['ap_class_all'] == pytest.approx((1 / 2 + 0) / 2)
    assert plain['pointing_acc'] == pytest.approx(1 / 3)
    assert plain['num_dropped_classes'] == 0
    dropped = score_boxed_images(facts, classes, predicted=predicted, drop_unpredicted=True)
    assert dropped['ap_class_all'] == pytest.approx(1 / 2)
    assert dropped['iou_hit_class'] == plain['iou_hit_class']  # hit rates keep every class
    assert (dropped['num_dropped_classes'], dropped['num_classes']) == (1, 2)


def test_numbers_of_images_must_agree_and_none_are_nan():
    with pytest.raises(ValueError, match='1 places do not fit 2'):
        compare_with_boxes(_at(0, 0), [np.zeros((0, 4))] * 2, (9, 9))
    with pytest.raises(ValueError, match='same images'):
        score_boxed_images(_facts([0.5]), np.array([0, 1]))
    nothing = compare_with_boxes(HeatPlaces(np.zeros((0, 2, 2))), [], (9, 9))
    assert np.isnan(score_boxed_images(nothing, np.zeros(0, int))['pointing_acc'])


@pytest.mark.parametrize(
    ('normalisation', 'place_px'),
    # 1 x 2 cells over 4 x 2 pixels: 0.02, 0.035, 0.065, 0.08, against a threshold of 0.5.
    [('none', 0), ('max', 4), ('minmax', 4), ('sum', 4)],
)
def test_maps_are_scaled_before_the_threshold(normalisation, place_px):
    places = HeatPlaces(np.array([[[0.02, 0.08]]]))
    truth = [np.array([[2.0, 0, 3, 2], [3, 0, 4, 2]])]

    facts = compare_with_boxes(places, truth, (4, 2), PlaceSettings(0.5, normalisation))

    assert facts.place_px.tolist() == [place_px]
    assert facts.common_px.tolist() == [place_px]
