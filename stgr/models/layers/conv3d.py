"""Convolutions, pooling and gating over time, rows and columns; all maps are (B, C, T, H, W)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Extent = tuple[int, int, int]  # of time, rows, columns


class ConvNormReLU(nn.Module):
    """A 3D convolution without bias, batch norm and ReLU.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel: Size of the kernel.
        padding: Zeros in front and behind: (front, behind) of columns, of rows, of time, as
            ``F.pad`` takes them.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: Extent = (1, 1, 1),
        padding: tuple[int, int, int, int, int, int] = (0, 0, 0, 0, 0, 0),
    ) -> None:
        super().__init__()
        self.padding = padding
        self.conv1 = _convolution(in_channels, out_channels, kernel)
        self.bn1 = nn.BatchNorm3d(out_channels)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the maps after the ReLU."""
        if any(self.padding):
            maps = F.pad(maps, self.padding)
        return F.relu(self.bn1(self.conv1(maps)))


class SeparableConv(nn.Module):
    """A 3 x 3 x 3 convolution as one over rows and columns, then one over time.

    Each has batch norm and ReLU, so that the pair is more than a factorised kernel (S3D, Xie et al.
    2018). Sizes stay.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels between the two and of the output.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = _convolution(in_channels, out_channels, (1, 3, 3), padding=(0, 1, 1))
        self.bn1 = nn.BatchNorm3d(out_channels)
        self.conv2 = _convolution(out_channels, out_channels, (3, 1, 1), padding=(1, 0, 0))
        self.bn2 = nn.BatchNorm3d(out_channels)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the maps after the second ReLU."""
        maps = F.relu(self.bn1(self.conv1(maps)))
        return F.relu(self.bn2(self.conv2(maps)))


def _convolution(
    in_channels: int, out_channels: int, kernel: Extent, *, padding: Extent = (0, 0, 0)
) -> nn.Conv3d:
    """Return a convolution without bias whose random weights keep the scale through a ReLU.

    With torch's own a deep network whose batch norms keep their statistics would say nothing.
    """
    convolution = nn.Conv3d(in_channels, out_channels, kernel, padding=padding, bias=False)
    nn.init.kaiming_normal_(convolution.weight, nonlinearity='relu')
    return convolution


class SelfGating(nn.Module):
    """Weigh the channels of a map by what the whole of it shows (the G of S3D-G).

    ``x * sigmoid(fc(mean of x over time, rows and columns))``: every cell sees all others, so a map
    depends on the whole window it was made of.

    Args:
        channels: Channels of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, channels)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the map with each channel scaled by its gate in (0, 1)."""
        gates = torch.sigmoid(self.fc(maps.mean(dim=(2, 3, 4))))  # (B, C)
        return maps * gates[:, :, None, None, None]


class GatedInception(nn.Module):
    """Four branches side by side, each gated, their channels joined.

    Args:
        in_channels: Channels of the input.
        widths: Channels of branch 0; inside and at the end of branch 1; of branch 2; of branch 3.
    """

    def __init__(self, in_channels: int, widths: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        b0, b1_inside, b1, b2_inside, b2, b3 = widths
        self.out_channels = b0 + b1 + b2 + b3
        self.conv_b0 = ConvNormReLU(in_channels, b0)
        self.conv_b1_a = ConvNormReLU(in_channels, b1_inside)
        self.conv_b1_b = SeparableConv(b1_inside, b1)
        self.conv_b2_a = ConvNormReLU(in_channels, b2_inside)
        self.conv_b2_b = SeparableConv(b2_inside, b2)
        self.conv_b3_b = ConvNormReLU(in_channels, b3)
        self.gating_b0 = SelfGating(b0)
        self.gating_b1 = SelfGating(b1)
        self.gating_b2 = SelfGating(b2)
        self.gating_b3 = SelfGating(b3)

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps of the same size with ``out_channels`` channels."""
        pooled = F.max_pool3d(maps, kernel_size=3, stride=1, padding=1)
        branches = [
            self.gating_b0(self.conv_b0(maps)),
            self.gating_b1(self.conv_b1_b(self.conv_b1_a(maps))),
            self.gating_b2(self.conv_b2_b(self.conv_b2_a(maps))),
            self.gating_b3(self.conv_b3_b(pooled)),
        ]
        return torch.cat(branches, dim=1)


class PadMaxPool(nn.Module):
    """Max pooling that pads with zeros to keep ``ceil(size / stride)`` cells per axis.

    Per axis ``kernel - stride`` zeros, the smaller half of them in front, then windows that may
    reach over the end (``ceil_mode``). Zeros count as values, which for maps after a ReLU is
    nothing.

    Args:
        kernel: Size of the window.
        stride: Step of the window, at most ``kernel``.
    """

    def __init__(self, kernel: Extent, stride: Extent) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.padding: list[int] = []
        for size, step in zip(reversed(kernel), reversed(stride), strict=True):
            front = (size - step) // 2
            self.padding += [front, size - step - front]

    def forward(self, maps: Tensor) -> Tensor:
        """Return the pooled maps."""
        if any(self.padding):
            maps = F.pad(maps, self.padding)
        return F.max_pool3d(maps, self.kernel, self.stride, ceil_mode=True)
