import math

import numpy as np
import pytest

from stgr.annotation import density_map


def slow_density(clicks, width, height, sigma):
    """Pixel by pixel, click by click."""
    out = np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            for cx, cy in clicks:
                out[y, x] += math.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * sigma**2))
    return out / out.max()


def test_one_click_is_a_gaussian_with_its_peak_on_the_click():
    density = density_map(np.array([[40.0, 20.0]]), (100, 60))

    assert density.shape == (60, 100)
    assert density[20, 40] == 1
    assert density[20, 70] == pytest.approx(math.exp(-0.5))  # one sigma of 30 px to the right
    assert density[50, 70] == pytest.approx(math.exp(-1))  # and one down


def test_it_is_the_sum_over_the_clicks_as_by_a_loop():
    clicks = np.array([[3.2, 4.0], [15.0, 9.5], [np.nan, np.nan], [15.0, 9.5]])

    expected = slow_density(clicks[[0, 1, 3]].tolist(), 20, 12, 3.0)
    np.testing.assert_allclose(density_map(clicks, (20, 12), sigma_px=3.0), expected, atol=1e-12)


def test_a_narrow_gaussian_between_pixels_and_a_far_click_still_have_a_maximum():
    assert density_map(np.array([[2.5, 2.0]]), (6, 5), sigma_px=0.01).max() == 1
    assert density_map(np.array([[9000.0, 2.0]]), (6, 5), sigma_px=1).argmax(axis=1)[0] == 5


def test_nobody_clicked_gives_zeros():
    assert density_map(np.full((3, 2), np.nan), (4, 3)).tolist() == [[0] * 4] * 3


def test_malformed_input_is_refused():
    with pytest.raises(ValueError, match='shape'):
        density_map(np.zeros((1, 3)), (4, 4))
    with pytest.raises(ValueError, match='positive'):
        density_map(np.zeros((1, 2)), (4, 4), sigma_px=0)
