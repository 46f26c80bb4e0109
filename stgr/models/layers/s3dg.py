"""S3D-G: a video network of separable convolutions and gated inception blocks."""

from einops import rearrange
from torch import Tensor, nn

from stgr.models.layers.conv3d import (
    ConvNormReLU,
    GatedInception,
    PadMaxPool,
    SelfGating,
    SeparableConv,
)

# Channels of the blocks, see ``GatedInception``; a pool follows 3c and 4f.
_BLOCKS = {
    'mixed_3b': (64, 96, 128, 16, 32, 32),
    'mixed_3c': (128, 128, 192, 32, 96, 64),
    'mixed_4b': (192, 96, 208, 16, 48, 64),
    'mixed_4c': (160, 112, 224, 24, 64, 64),
    'mixed_4d': (128, 128, 256, 24, 64, 64),
    'mixed_4e': (112, 144, 288, 32, 64, 64),
    'mixed_4f': (256, 160, 320, 32, 128, 128),
    'mixed_5b': (256, 160, 320, 32, 128, 128),
    'mixed_5c': (384, 192, 384, 48, 128, 128),
}


class S3DG(nn.Module):
    """The trunk of S3D-G (Xie et al., ECCV 2018) as MIL-NCE trained it, up to ``mixed_5c``.

    Modules have the names of the released weights (antoine77340/S3D_HowTo100M, class ``S3D`` with
    space-to-depth and gating), without its last layer ``fc``. Frames are folded 2 x 2 x 2 into
    channels first; after five halvings of rows and columns and three of time one cell stands for
    8 frames of 32 x 32 pixels. Cells see each other through gates over the whole clip.

    Args:
        width: Factor on all numbers of channels; 1 for released weights.
    """

    def __init__(self, *, width: float = 1.0) -> None:
        super().__init__()

        def wide(channels: int) -> int:
            return max(1, round(channels * width))

        # Of 2 x 4 x 4 cells an output cell lies behind the middle: zeros (1, 2), in time (0, 1).
        # The original pads on both sides alike and cuts off what is too much.
        self.conv1 = ConvNormReLU(3 * 8, wide(64), kernel=(2, 4, 4), padding=(1, 2, 1, 2, 0, 1))
        self.pool_2a = PadMaxPool((1, 3, 3), (1, 2, 2))
        self.conv_2b = ConvNormReLU(wide(64), wide(64))
        self.conv_2c = SeparableConv(wide(64), wide(192))
        self.gating = SelfGating(wide(192))
        self.pool_3a = PadMaxPool((1, 3, 3), (1, 2, 2))
        self.pool_4a = PadMaxPool((3, 3, 3), (2, 2, 2))
        self.pool_5a = PadMaxPool((2, 2, 2), (2, 2, 2))
        channels = wide(192)
        for name, widths in _BLOCKS.items():
            b0, b1_inside, b1, b2_inside, b2, b3 = (wide(channels) for channels in widths)
            block = GatedInception(channels, (b0, b1_inside, b1, b2_inside, b2, b3))
            self.add_module(name, block)
            channels = block.out_channels
        self.out_channels = channels

    def forward(self, clips: Tensor) -> Tensor:
        """Return the map of ``mixed_5c``.

        Args:
            clips: RGB in [0, 1], (B, 3, T, H, W); T, H and W even.

        Returns:
            Maps, (B, ``out_channels``, ceil(T / 8), ceil(H / 32), ceil(W / 32)), >= 0.

        Raises:
            ValueError: If T, H or W is odd.
        """
        maps = self.pool_2a(self.conv1(space_to_depth(clips)))
        maps = self.gating(self.conv_2c(self.conv_2b(maps)))
        maps = self.pool_3a(maps)
        for name in _BLOCKS:
            maps = self.get_submodule(name)(maps)
            if name == 'mixed_3c':
                maps = self.pool_4a(maps)
            elif name == 'mixed_4f':
                maps = self.pool_5a(maps)
        return maps


def space_to_depth(clips: Tensor) -> Tensor:
    """Return clips of half the length, height and width, each 2 x 2 x 2 block in 8 C channels.

    Channels are ordered by the block's time, row and column, the colour varying fastest.

    Args:
        clips: (B, C, T, H, W).

    Raises:
        ValueError: If T, H or W is odd.
    """
    if any(size % 2 for size in clips.shape[2:]):
        raise ValueError(
            f'S3D-G needs an even number of frames, rows and columns, but got '
            f'{tuple(clips.shape[2:])}'
        )
    return rearrange(clips, 'b c (t dt) (h dh) (w dw) -> b (dt dh dw c) t h w', dt=2, dh=2, dw=2)
