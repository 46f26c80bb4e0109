"""The size of what S3D-G returns, the order of its folded frames, and its names."""

import pytest
import torch

from stgr.models.layers import S3DG
from stgr.models.layers.s3dg import space_to_depth


@pytest.mark.parametrize(
    ('frames', 'height', 'width', 'expected'),
    [
        (8, 224, 224, (1, 7, 7)),
        (16, 64, 96, (2, 2, 3)),
        (16, 200, 200, (2, 7, 7)),  # 6 with windows that may not reach over the end
        (10, 256, 32, (2, 8, 1)),
        (2, 32, 34, (1, 1, 2)),
    ],
)
def test_a_cell_stands_for_eight_frames_of_32_pixels(frames, height, width, expected):
    network = S3DG(width=1 / 16).eval()

    with torch.no_grad():
        maps = network(torch.rand(1, 3, frames, height, width))

    assert maps.shape == (1, network.out_channels, *expected)


def test_channels_of_a_block_are_time_row_column_and_colour_last():
    clips = torch.empty(1, 3, 2, 2, 2)
    for colour in range(3):
        for time in range(2):
            for row in range(2):
                for column in range(2):
                    place = 1000 * time + 100 * row + 10 * column + colour
                    clips[0, colour, time, row, column] = place

    folded = space_to_depth(clips)

    assert folded.shape == (1, 24, 1, 1, 1)
    assert folded.flatten().tolist() == [
        1000 * t + 100 * r + 10 * c + colour
        for t in (0, 1) for r in (0, 1) for c in (0, 1) for colour in (0, 1, 2)
    ]  # fmt: skip


def test_odd_sizes_are_refused():
    with pytest.raises(ValueError, match=r'even number of frames, .* got \(8, 33, 32\)'):
        space_to_depth(torch.zeros(1, 3, 8, 33, 32))


def test_full_width_has_as_many_numbers_as_the_released_weights():
    with torch.device('meta'):
        network = S3DG()

    assert network.out_channels == 1024
    # Of the released 31,232,500 numbers (66,250 word vectors, two layers of text, two heads, and
    # the statistics and counters of 76 norms) these are the rest.
    statistics = sum(b.numel() for b in network.buffers())
    text = 66250 * 300 + 2048 * 301 + 512 * 2049
    assert sum(p.numel() for p in network.parameters()) + statistics == (
        31_232_500 - text - 512 * 1025
    )
