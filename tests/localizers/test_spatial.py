import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from stgr.localizers import HeatMapSpatialLocalizer, WindowHeatMapSpatialLocalizer
from stgr.localizers.spatial import box_around


def slow_oracle(patch_map, width, height, cutoff_of_range):
    """Upsample with torch, then flood fill from the peak pixel by pixel."""
    pixels = interpolate(torch.from_numpy(patch_map)[None, None], (height, width), mode='bilinear')
    pixels = pixels[0, 0].numpy().round(12)  # torch leaves ulps between equal border pixels
    row, column = divmod(int(pixels.argmax()), width)
    mask = pixels >= cutoff_of_range(pixels.min(), pixels[row, column])
    if not mask[row, column]:
        return (column, row), (0, 0, 0, 0)
    reached, todo = set(), [(row, column)]
    while todo:
        y, x = todo.pop()
        inside = 0 <= y < height and 0 <= x < width
        if inside and mask[y, x] and (y, x) not in reached:
            reached.add((y, x))
            todo += [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
    rows, columns = zip(*reached, strict=True)
    return (column, row), (min(columns), min(rows), max(columns) + 1, max(rows) + 1)


def peak_at(row, column, *, grid=(4, 4)):
    patch_map = np.zeros((1, *grid))
    patch_map[0, row, column] = 1.0
    return patch_map


@pytest.mark.parametrize('share', [0.3, 0.5, 0.9, 1.0])
def test_points_and_boxes_equal_the_slow_oracle(share):
    maps = np.random.default_rng(2).random((12, 7, 7)) ** 4

    answer = HeatMapSpatialLocalizer(share)(maps, width_px=40, height_px=30)

    for i, patch_map in enumerate(maps):
        point, box = slow_oracle(patch_map, 40, 30, lambda low, peak: low + share * (peak - low))
        assert tuple(answer.points_px[i]) == point
        assert tuple(answer.boxes_px[i]) == box
    assert answer.visible.all()


def test_the_paper_cutoff_equals_the_slow_oracle_and_hides_cool_frames():
    maps = np.random.default_rng(3).random((16, 7, 7)) ** 40
    maps[5] = 1e-3
    maps /= maps.sum()
    maps[5] = 0.0099  # just below the paper's 0.01

    answer = WindowHeatMapSpatialLocalizer(16)(maps, width_px=40, height_px=30)

    expected = [slow_oracle(one, 40, 30, lambda low, peak: 0.01) for one in maps]
    assert [tuple(box) for box in answer.boxes_px] == [box for _, box in expected]
    assert answer.visible.tolist() == [any(box) for _, box in expected]
    assert not answer.visible[5]
    assert answer.visible.any()


def test_box_and_point_worked_by_hand():
    # A 1 x 2 grid over 4 pixels: weights of the right cell are 0, 0.25, 0.75, 1.
    maps = np.array([[[0.0, 1.0]]])

    answer = HeatMapSpatialLocalizer(0.5)(maps, width_px=4, height_px=2)

    assert answer.boxes_px.tolist() == [[2, 0, 4, 2]]
    assert answer.points_px.tolist() == [[3, 0]], 'the first of the equal peaks in reading order'


def test_heat_that_all_cells_share_changes_nothing():
    maps = np.array([[[0.0, 1.0]], [[8.0, 9.0]]])  # the second: 8 of 9 everywhere

    answer = HeatMapSpatialLocalizer(0.5)(maps, width_px=4, height_px=2)

    assert answer.boxes_px.tolist() == [[2, 0, 4, 2], [2, 0, 4, 2]]


@pytest.mark.parametrize(
    ('row', 'column', 'corner'),
    [(0, 0, (0, 0)), (0, 3, (31, 0)), (3, 0, (0, 23)), (3, 3, (31, 23))],
)
def test_boxes_of_border_peaks_touch_the_border_and_stay_inside(row, column, corner):
    answer = HeatMapSpatialLocalizer(0.5)(peak_at(row, column), width_px=32, height_px=24)

    x1, y1, x2, y2 = answer.boxes_px[0]
    assert x1 <= corner[0] < x2
    assert y1 <= corner[1] < y2
    assert 0 <= x1 < x2 <= 32
    assert 0 <= y1 < y2 <= 24


def test_a_second_hot_region_is_left_out():
    maps = peak_at(0, 0)
    maps[0, 3, 3] = 0.9

    answer = HeatMapSpatialLocalizer(0.5)(maps, width_px=32, height_px=32)

    assert answer.boxes_px[0, 2] < 16
    assert answer.boxes_px[0, 3] < 16


def test_pixels_that_touch_at_a_corner_only_do_not_hang_together():
    mask = np.array([[1, 1, 0, 0], [0, 0, 1, 1]], dtype=bool)

    assert box_around(mask, row=0, column=1) == (0, 0, 2, 1)
    assert box_around(mask, row=1, column=2) == (2, 1, 4, 2)


def test_a_flat_map_covers_the_frame_and_a_cold_one_shows_nothing():
    maps = np.stack([np.full((2, 2), 0.25), np.zeros((2, 2))])

    answer = HeatMapSpatialLocalizer(1.0)(maps, width_px=8, height_px=6)

    assert answer.visible.tolist() == [True, False]
    assert answer.boxes_px.tolist() == [[0, 0, 8, 6], [0, 0, 0, 0]]


def test_a_map_that_is_the_same_everywhere_is_hottest_in_its_first_pixel():
    # 1 / 49: 1 / 49 * (1 - t) + 1 / 49 * t is not always 1 / 49 in floating point.
    answer = HeatMapSpatialLocalizer(1.0)(np.full((1, 7, 7), 1 / 49), width_px=640, height_px=480)

    assert answer.points_px.tolist() == [[0, 0]]
    assert answer.boxes_px.tolist() == [[0, 0, 640, 480]]


def test_the_relative_cutoff_ignores_the_scale_of_the_map():
    maps = np.random.default_rng(4).random((3, 7, 7))
    localizer = HeatMapSpatialLocalizer(0.6)

    small = localizer(maps / 1024, width_px=50, height_px=40)

    assert np.array_equal(small.boxes_px, localizer(maps, width_px=50, height_px=40).boxes_px)


def test_the_paper_cutoff_stays_the_same_multiple_of_the_mean_for_other_windows():
    # 7.84 cells' worth of mean heat: 0.01 of 784 cells, 0.16 of one 7 x 7 map.
    below, above = peak_at(3, 3, grid=(7, 7)) * 0.159, peak_at(3, 3, grid=(7, 7)) * 0.161
    localizer = WindowHeatMapSpatialLocalizer(window_frames=1)

    answer = localizer(np.concatenate([below, above]), width_px=7, height_px=7)

    assert answer.visible.tolist() == [False, True]


@pytest.mark.parametrize('localizer', [HeatMapSpatialLocalizer, WindowHeatMapSpatialLocalizer])
def test_no_frames_give_empty_arrays(localizer):
    answer = localizer()(np.zeros((0, 7, 7)), width_px=8, height_px=6)

    assert answer.boxes_px.shape == (0, 4)
    assert answer.points_px.shape == (0, 2)
    assert answer.visible.shape == (0,)


BAD_MAPS = [
    (np.zeros((7, 7)), r'\(N, h, w\)'),
    (np.full((1, 2, 2), np.nan), 'finite'),
    (np.full((1, 2, 2), -1.0), '>= 0'),
]


@pytest.mark.parametrize(('maps', 'message'), BAD_MAPS)
def test_bad_maps_are_refused(maps, message):
    with pytest.raises(ValueError, match=message):
        HeatMapSpatialLocalizer()(maps, width_px=8, height_px=8)


@pytest.mark.parametrize('share', [0, 1.5, float('nan')])
def test_a_share_outside_its_range_is_refused(share):
    with pytest.raises(ValueError, match='relative_threshold'):
        HeatMapSpatialLocalizer(share)
