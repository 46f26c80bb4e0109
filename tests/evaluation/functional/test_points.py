import numpy as np
import pytest

from stgr.evaluation.functional import heatmap_points
from stgr.ops.upsampling import upsample_maps


@pytest.mark.parametrize('mode', ['first', 'tie_mean'])
@pytest.mark.parametrize('levels', [1, 2, 3, 1000])
def test_points_equal_the_search_over_every_pixel(oracle, mode, levels):
    generator = np.random.default_rng(levels)
    for grid, size in (((3, 4), (13, 10)), ((2, 2), (8, 8)), ((1, 3), (9, 5)), ((4, 4), (3, 6))):
        maps = generator.integers(0, levels, (4, *grid)) / 8  # few levels: many ties
        wanted = [oracle.point(heat, size, mode) for heat in maps]
        np.testing.assert_allclose(heatmap_points(maps, size, mode), wanted, atol=1e-9)


def test_points_equal_the_argmax_of_the_dense_map_at_full_size():
    maps = np.random.default_rng(1).random((20, 7, 7))
    best = upsample_maps(maps, (640, 480)).reshape(20, -1).argmax(axis=1)
    wanted = np.stack([best % 640, best // 640], axis=1)
    np.testing.assert_array_equal(heatmap_points(maps, (640, 480)), wanted)


@pytest.mark.parametrize(
    ('cell', 'mode', 'wanted'),
    [
        ((0, 0), 'first', (0, 0)),  # the flat border reaches the frame's corner
        ((0, 0), 'tie_mean', (1, 1)),  # pixels 0..2 of each axis (centre of the cell: pixel 2)
        ((0, 0), 'cell_centre', (2, 2)),
        ((3, 3), 'first', (17, 17)),  # last cell: the plateau begins at its centre
        ((3, 3), 'tie_mean', (18, 18)),
        ((1, 2), 'first', (12, 7)),  # x from the column, y from the row
        ((1, 2), 'cell_centre', (12, 7)),
    ],
)
def test_border_plateaus_move_the_point_as_documented(cell, mode, wanted):
    heat = np.zeros((1, 4, 4))
    heat[0][cell] = 1
    assert tuple(heatmap_points(heat, (20, 20), mode)[0]) == wanted


def test_a_flat_map_points_at_the_first_pixel_or_the_middle():
    flat = np.full((1, 7, 7), 0.3)
    assert heatmap_points(flat, (640, 480)).tolist() == [[0, 0]]
    assert heatmap_points(flat, (640, 480), 'tie_mean').tolist() == [[319.5, 239.5]]


def test_no_maps_give_no_points():
    assert heatmap_points(np.zeros((0, 7, 7)), (64, 48)).shape == (0, 2)


def test_an_unknown_point_mode_names_the_known_ones():
    with pytest.raises(ValueError, match='tie_mean'):
        heatmap_points(np.zeros((1, 2, 2)), (8, 8), 'middle')
