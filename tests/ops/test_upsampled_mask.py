import numpy as np
import pytest

from stgr.ops.upsampled_mask import find_extremes, mask_from
from stgr.ops.upsampling import upsample_maps

# Widths and heights: multiples of the grid (centres between pixels), odd, smaller than the grid.
FRAMES = [(40, 30), (320, 180), (101, 57), (7, 7), (3, 2), (1, 1)]


def some_maps(grid):
    """Random maps, maps with few values (ties and plateaus), a flat and a cold one."""
    generator = np.random.default_rng(0)
    return np.concatenate(
        [
            generator.random((3, *grid)) ** 4,
            generator.integers(0, 3, (6, *grid)) / 7,
            np.full((1, *grid), 1 / 49),
            np.zeros((1, *grid)),
        ]
    )


@pytest.mark.parametrize('frame_size', FRAMES)
@pytest.mark.parametrize('grid', [(7, 7), (4, 5), (1, 1)])
def test_extremes_and_first_peaks_are_those_of_all_pixels(grid, frame_size):
    maps = some_maps(grid)
    pixels = upsample_maps(maps, frame_size)

    extremes = find_extremes(maps, frame_size)

    flat = pixels.reshape(len(maps), -1)
    rows, columns = np.divmod(flat.argmax(axis=1), frame_size[0])
    assert np.array_equal(extremes.lowest, flat.min(axis=1))
    assert np.array_equal(extremes.highest, flat.max(axis=1))
    assert np.array_equal(extremes.peak_pixels, np.stack([columns, rows], axis=1))


@pytest.mark.parametrize('frame_size', FRAMES)
@pytest.mark.parametrize('grid', [(7, 7), (4, 5), (1, 1)])
def test_masks_are_those_of_all_pixels_at_every_cutoff(grid, frame_size):
    maps = some_maps(grid)
    pixels = upsample_maps(maps, frame_size)

    for patch_map, pixel_map in zip(maps, pixels, strict=True):
        low, peak = pixel_map.min(), pixel_map.max()
        for cutoff in (low, low + 0.3 * (peak - low), 1 / 7, peak, peak + 1e-9):
            assert np.array_equal(mask_from(patch_map, frame_size, cutoff), pixel_map >= cutoff)
