import numpy as np
import pytest

from stgr.evaluation.functional import mask_areas, upsample_maps

BOXES = {
    'inside': (3, 2, 7, 8),
    'cut by the frame': (-4, 5, 40, 40),
    'empty': (5, 5, 5, 8),
    'inverted': (7, 2, 3, 8),
    'edge before the border cell centre': (1, 1, 10, 8),
    'outside': (50, 50, 60, 60),
}


@pytest.mark.parametrize('box', BOXES.values(), ids=BOXES)
@pytest.mark.parametrize('grid', [(3, 4), (1, 1), (2, 5)])
def test_areas_equal_counting_every_pixel(oracle, box, grid):
    size, maps = (11, 9), np.random.default_rng(0).random((4, *grid))
    maps[3] = 0.25
    got = mask_areas(maps, np.tile(box, (4, 1)), size, threshold=0.5)
    counted = [oracle.areas(heat, box, size, 0.5) for heat in maps]
    assert got[0].tolist() == [mask for mask, _, _ in counted]
    assert got[1].tolist() == [common for _, _, common in counted]


def test_areas_equal_the_dense_mask_at_full_size():
    generator = np.random.default_rng(2)
    maps = generator.random((100, 7, 7)) ** 3  # more than one chunk
    corners = generator.integers(-50, 690, (100, 4))
    corners[:5, 0], corners[:5, 2] = 20, 45  # before the border cell's centre, 45.2
    thresholds = (0.02, 0.3, 0.9)
    got = [mask_areas(maps, corners, (640, 480), threshold=threshold) for threshold in thresholds]
    for i, box in enumerate(np.clip(corners, 0, [640, 480, 640, 480])):
        dense = upsample_maps(maps[i : i + 1], (640, 480))[0]
        for threshold, (mask_px, common_px) in zip(thresholds, got, strict=True):
            mask = dense >= threshold
            assert mask_px[i] == mask.sum()
            assert common_px[i] == mask[box[1] : box[3], box[0] : box[2]].sum()


@pytest.mark.parametrize('levels', [2, 3, 5])
@pytest.mark.parametrize('threshold', [1 / 8, 0.1875, 0.25])
def test_values_at_the_threshold_along_rows_and_columns_equal_exact_arithmetic(
    oracle, levels, threshold
):
    generator = np.random.default_rng(levels)
    for grid, size in (((3, 4), (13, 10)), ((2, 2), (8, 8)), ((4, 3), (3, 7)), ((2, 3), (12, 8))):
        maps = generator.integers(0, levels, (3, *grid)) / 8  # few levels: many pixels on it
        boxes = np.sort(generator.integers(-1, 12, (3, 2, 2)), axis=1).reshape(3, 4)
        got = mask_areas(maps, boxes, size, threshold=threshold)
        counted = [oracle.areas(*pair, size, threshold) for pair in zip(maps, boxes, strict=True)]
        assert list(zip(*map(np.ndarray.tolist, got), strict=True)) == [
            (mask, common) for mask, _, common in counted
        ]


def test_a_saddle_whose_edge_changes_sides_within_a_piece_equals_every_pixel():
    saddle = np.array([[[0.9, 0.1], [0.2, 0.8]]])
    box = np.array([[200, 150, 420, 300]])
    for threshold in (0.45, 0.5, 0.55):
        mask = upsample_maps(saddle, (640, 480))[0] >= threshold
        got = mask_areas(saddle, box, (640, 480), threshold=threshold)
        assert (got[0][0], got[1][0]) == (mask.sum(), mask[150:300, 200:420].sum())


def test_pixels_exactly_at_the_threshold_belong_to_the_mask():
    # two cells on six pixels: values 0 0 1/3 2/3 1 1; the other way round likewise
    rising, size = np.array([[[0.0, 3.0]]]), (6, 1)
    both = np.concatenate([rising, rising[:, :, ::-1]])
    box = np.tile([0, 0, 6, 1], (2, 1))
    assert mask_areas(both, box, size, threshold=1.0)[0].tolist() == [4, 4]
    assert mask_areas(both, box, size, threshold=1.001)[0].tolist() == [3, 3]
    assert mask_areas(both, box, size, threshold=3.0)[0].tolist() == [2, 2]


def test_a_flat_map_at_the_threshold_fills_the_frame():
    assert mask_areas(np.full((1, 2, 2), 0.1), [[0, 0, 4, 4]], (8, 6), threshold=0.1) == (48, 16)


def test_fractional_boxes_hold_the_pixels_from_their_ceiling():
    box = [[0.5, 0.0, 2.0, 1.0]]  # pixel 1
    assert mask_areas(np.ones((1, 1, 1)), box, (4, 4), threshold=0.5)[1].tolist() == [1]


def test_no_maps_give_no_areas():
    got = mask_areas(np.zeros((0, 7, 7)), np.zeros((0, 4)), (64, 48), threshold=0.5)
    assert got[0].shape == got[1].shape == (0,)
