import numpy as np
import pytest

from stgr.evaluation.functional import normalise_maps
from stgr.evaluation.functional.boxes import (
    box_areas,
    clip_boxes,
    is_wide,
    points_in_boxes,
    raster_boxes,
)


@pytest.mark.parametrize(
    ('point', 'box', 'inside'),
    [
        ((10, 10), (10, 10, 20, 20), True),  # closed at the upper left
        ((20, 20), (10, 10, 20, 20), True),  # and at the lower right
        ((20.5, 20), (10, 10, 20, 20), False),
        ((15, 9), (10, 10, 20, 20), False),
        ((10, 15), (10, 10, 10, 20), False),  # no width: a miss although the point is on it
        ((15, 15), (20, 10, 10, 20), False),  # inverted
        ((90, 110), (80, 80, 120, 120), True),  # the target itself is not clipped
        ((130, 130), (120, 120, 140, 140), False),  # nothing of it in the frame
    ],
)
def test_a_point_hits_a_closed_box_with_area(point, box, inside):
    got = points_in_boxes(np.array([point], float), np.array([box], float), (100, 100))
    assert got.tolist() == [inside]


def test_areas_are_clipped_and_never_negative():
    boxes = np.array([[-5, -5, 5, 5], [10, 10, 5, 5], [20, 5, 10, 30], [0, 0, 200, 200]], float)
    assert box_areas(clip_boxes(boxes, (100, 50))).tolist() == [25, 0, 0, 5000]


def test_integer_boxes_are_their_own_raster():
    assert raster_boxes(np.array([[1, 2, 30, 40]]), (20, 50)).tolist() == [[1, 2, 20, 40]]


def test_wide_is_more_than_fifty_thousand_pixels_of_640_by_480():
    assert is_wide(np.array([50_000, 50_001]), (640, 480)).tolist() == [False, True]
    assert is_wide(np.array([12_500, 12_501]), (320, 240)).tolist() == [False, True]


@pytest.mark.parametrize(
    ('name', 'wanted'),
    [('none', [1, 3, 4, 0]), ('max', [0.25, 0.75, 1, 0]), ('sum', [1 / 8, 3 / 8, 0.5, 0])],
)
def test_maps_are_scaled_one_by_one(name, wanted):
    maps = np.array([[[1.0, 3.0], [4.0, 0.0]], [[0, 0], [0, 0]]])
    scaled = normalise_maps(maps, name)
    np.testing.assert_allclose(scaled[0].ravel(), wanted)
    assert (scaled[1] == 0).all()


def test_minmax_takes_the_smallest_value_to_zero():
    np.testing.assert_allclose(
        normalise_maps(np.array([[[2.0, 3.0, 6.0]]]), 'minmax'), [[[0, 0.25, 1]]]
    )
    assert (normalise_maps(np.full((1, 2, 2), 5.0), 'minmax') == 0).all()


def test_an_unknown_normalisation_is_an_error():
    with pytest.raises(ValueError, match='minmax'):
        normalise_maps(np.zeros((1, 2, 2)), 'softmax')


def test_faint_maps_are_scaled_like_strong_ones():
    np.testing.assert_allclose(normalise_maps(np.array([[[1e-9, 2e-9]]]), 'max'), [[[0.5, 1]]])
