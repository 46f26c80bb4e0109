import numpy as np
import pytest
import torch

from stgr.ops.upsampling import Axis, upsample_maps


def test_upsampling_equals_torch_bilinear_without_aligned_corners():
    maps = np.random.default_rng(0).random((3, 5, 7))
    wanted = torch.nn.functional.interpolate(
        torch.from_numpy(maps)[None], size=(48, 61), mode='bilinear', align_corners=False
    )
    np.testing.assert_allclose(upsample_maps(maps, (61, 48)), wanted[0].numpy(), atol=1e-12)


def test_upsampling_a_constant_map_gives_exactly_the_constant():
    assert (upsample_maps(np.full((1, 7, 7), 0.1), (64, 48)) == 0.1).all()


@pytest.mark.parametrize(('cells', 'pixels'), [(1, 5), (2, 8), (7, 480), (7, 7), (7, 3), (5, 61)])
def test_pieces_cut_the_axis_where_a_pixel_passes_a_cell_centre(cells, pixels):
    starts = Axis(cells, pixels).piece_starts()
    position = (np.arange(pixels) + 0.5) * cells / pixels - 0.5
    piece = np.searchsorted(starts, np.arange(pixels), side='right') - 1
    assert starts[0] == 0
    assert starts[-1] == pixels
    np.testing.assert_array_equal(piece, np.floor(position + 1e-9).astype(int) + 1)


def test_a_pixel_on_a_cell_centre_has_fraction_zero():
    lower, upper, fraction = Axis(2, 6).neighbours(np.array([0, 1, 2, 4, 5]))
    assert lower.tolist() == [0, 0, 0, 1, 1]
    assert upper.tolist() == [0, 1, 1, 1, 1]
    assert fraction[[1, 3]].tolist() == [0, 0]
    assert fraction[2] == pytest.approx(1 / 3)
