"""The parts of S3D-G do what their docstrings say, worked by hand on small maps."""

import pytest
import torch

from stgr.models.layers.conv3d import (
    ConvNormReLU,
    GatedInception,
    PadMaxPool,
    SelfGating,
    SeparableConv,
)


def test_asymmetric_padding_is_symmetric_padding_with_the_first_cells_cut_off():
    layer = ConvNormReLU(3, 5, kernel=(2, 4, 4), padding=(1, 2, 1, 2, 0, 1)).eval()
    maps = torch.randn(2, 3, 4, 6, 8)

    both_sides = torch.nn.functional.conv3d(maps, layer.conv1.weight, padding=(1, 2, 2))

    expected = layer.bn1(both_sides).relu()[:, :, 1:, 1:, 1:]
    assert expected.shape == (2, 5, 4, 6, 8)
    torch.testing.assert_close(layer(maps), expected)


def test_separable_convolution_has_a_relu_between_space_and_time():
    layer = SeparableConv(1, 1).eval()
    layer.conv1.weight.data.zero_()[0, 0, 0, 1, 1] = -1  # the negative of each cell
    layer.conv2.weight.data.fill_(-1)  # the negative sum over three times
    maps = torch.tensor([1.0, -2.0, -3.0]).reshape(1, 1, 3, 1, 1)

    kept = layer(maps)
    layer.conv2.weight.data.fill_(1)
    summed = layer(maps)

    assert kept.flatten().tolist() == [0, 0, 0]
    # After the first ReLU 0, 2, 3 are left; batch norm divides by sqrt(1 + 1e-5), twice.
    torch.testing.assert_close(summed.flatten(), torch.tensor([2.0, 5, 5]), atol=1e-4, rtol=0)


def test_gate_is_the_sigmoid_of_a_linear_map_of_the_mean_over_the_whole_clip():
    gate = SelfGating(2)
    gate.fc.weight.data = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    gate.fc.bias.data = torch.tensor([0.0, -torch.inf])
    maps = torch.ones(1, 2, 2, 1, 1)
    maps[0, 0, :, 0, 0] = torch.tensor([0.0, 2.0])

    gated = gate(maps)

    by_hand = 2 / (1 + torch.tensor(-1.0).exp())
    torch.testing.assert_close(gated[0, 0].flatten(), torch.stack([0 * by_hand, by_hand]))
    assert not gated[0, 1].any()


@pytest.mark.parametrize(
    ('cells', 'kernel', 'stride', 'expected'),
    [
        ([1, 5, 2, 3], 3, 2, [5, 3]),  # one zero behind: windows 1 5 2, 2 3 0
        ([1, 5, 2, 3, 9], 3, 2, [5, 9, 9]),  # an odd row: the last window reaches over the end
        ([1, 5, 2], 2, 2, [5, 2]),  # nothing padded, the last window reaches over the end
        ([-1, -5, -2, -3], 3, 2, [-1, 0]),  # zeros count as values
        ([4], 3, 2, [4]),
    ],
)
def test_pool_pads_behind_and_keeps_the_rest_of_a_row(cells, kernel, stride, expected):
    pool = PadMaxPool((1, 1, kernel), (1, 1, stride))

    pooled = pool(torch.tensor(cells, dtype=torch.float32).reshape(1, 1, 1, 1, -1))

    assert pooled.flatten().tolist() == expected


def test_block_joins_its_four_gated_branches_in_order():
    block = GatedInception(6, (2, 3, 4, 1, 5, 7)).eval()
    maps = torch.rand(1, 6, 2, 3, 3)

    joined = block(maps)

    pooled = torch.nn.functional.max_pool3d(maps, 3, stride=1, padding=1)
    branches = [
        block.gating_b0(block.conv_b0(maps)),
        block.gating_b1(block.conv_b1_b(block.conv_b1_a(maps))),
        block.gating_b2(block.conv_b2_b(block.conv_b2_a(maps))),
        block.gating_b3(block.conv_b3_b(pooled)),
    ]
    assert block.out_channels == joined.shape[1] == 2 + 4 + 5 + 7
    for branch, part in zip(branches, joined.split([2, 4, 5, 7], dim=1), strict=True):
        torch.testing.assert_close(part, branch)
