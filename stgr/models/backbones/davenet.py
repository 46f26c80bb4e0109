"""DAVEnet: a residual network over the time of a spectrogram."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from stgr.io.weight_files import read_weights
from stgr.models.backbones.audio_backbone import AudioBackbone
from stgr.ops.log_mel import NUM_MELS
from stgr.ops.masking import at_least_float32
from stgr.registry import MODELS
from stgr.structures.features import AudioFeatures

WIDTHS = (128, 128, 256, 512, 1024)


@MODELS.register_module()
class DAVEnet(AudioBackbone):
    """ResDAVEnet (Harwath, Hsu and Glass 2020), the audio encoder of MCN and of the paper.

    One convolution over all bands of a frame, then stages of two residual blocks of convolutions
    over 9 steps of time; the first block of a stage halves the time. With four stages, 1000 frames
    become 63 steps of 0.16 s. The names are those of the released checkpoints
    (brian7685/Multimodal-Clustering-Network, ``model_davenet.py`` at 17cf351). Their ``batchnorm1``
    is never used there nor here, and is kept only so that checkpoints load.

    A clip without sound is not encoded in training, so that it leaves no trace in the statistics
    of batch normalisation; if no clip has any, the first is, so that several processes stay in
    step.

    Args:
        widths: Channels of the first convolution and of each stage; smaller ones for small worlds.
        num_mels: Bands of the spectrogram.
        source: Weights under the released names, a ``.safetensors`` or ``.pth`` file; a leading
            ``module.`` is removed. None: random.
        frozen: Keep the weights as they are: no gradient, evaluation mode always.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If there are fewer than two widths, random weights shall be frozen, or the
            weights are damaged or do not fit.
    """

    def __init__(
        self,
        widths: Sequence[int] = WIDTHS,
        *,
        num_mels: int = NUM_MELS,
        source: str | None = None,
        frozen: bool = False,
    ) -> None:
        super().__init__()
        if len(widths) < 2:
            raise ValueError(f'DAVEnet needs two widths or more, but got {tuple(widths)}')
        if frozen and source is None:
            raise ValueError('a frozen DAVEnet would stay random; give its weights as source')
        self.num_mels = num_mels
        self.num_stages = len(widths) - 1
        self.stride = 2**self.num_stages
        self.audio_dim = widths[-1]
        self.frozen = frozen
        self.batchnorm1 = nn.BatchNorm2d(1).requires_grad_(False)
        self.conv1 = nn.Conv2d(1, widths[0], (num_mels, 1), bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        for stage in range(self.num_stages):
            self.add_module(f'layer{stage + 1}', _stage(widths[stage], widths[stage + 1]))
        self._draw_weights()
        if source is not None:
            self._load(source)
        if frozen:
            self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> 'DAVEnet':
        """Set the mode; a frozen encoder stays in evaluation mode."""
        return super().train(mode and not self.frozen)

    def forward(self, audio: Tensor) -> Tensor:
        """Return the steps of spectrograms, (B, M, N) -> (B, C, ceil(N / stride))."""
        steps = F.relu(self.bn1(self.conv1(audio[:, None])))  # (B, C, 1, N)
        for stage in range(self.num_stages):
            steps = self.get_submodule(f'layer{stage + 1}')(steps)
        return rearrange(steps, 'b c 1 n -> b c n')

    def encode_audio(self, audio: Tensor, mask: Tensor) -> AudioFeatures:
        """Encode the sound of clips; see the base class.

        A step is real if one of the ``stride`` frames from its centre on is; steps of clips
        without sound are 0.

        Raises:
            ValueError: If the spectrograms have another number of bands.
        """
        if audio.ndim != 3 or audio.shape[1] != self.num_mels or audio.shape[2] == 0:
            raise ValueError(
                f'expected spectrograms (B, {self.num_mels}, N > 0), but got {tuple(audio.shape)}'
            )
        present = mask.any(dim=1)
        encoded = present if bool(present.any()) else torch.arange(len(mask)).to(mask.device) == 0
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            found = at_least_float32(rearrange(self(audio[encoded]), 'b c n -> b n c'))
        steps = found.new_zeros(len(audio), *found.shape[1:])
        steps[encoded] = found
        return AudioFeatures(steps, _mask_of_steps(mask, self.stride))

    def _draw_weights(self) -> None:
        """Draw convolutions by their fan-out, as the source does."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
                nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))

    def _load(self, source: str) -> None:
        weights = read_weights(source)
        try:
            self.load_state_dict(weights)
        except RuntimeError as error:
            raise ValueError(f'{source} does not fit this DAVEnet: {error}') from error


class ResidualBlock(nn.Module):
    """Two convolutions over time and a short cut past them.

    Args:
        in_channels: Channels it is given.
        channels: Channels it gives.
        stride: Of the first convolution.
    """

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(
            in_channels, channels, (1, 9), stride=(1, stride), padding=(0, 4), bias=False
        )
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, (1, 9), padding=(0, 4), bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride=(1, stride), bias=False),
                nn.BatchNorm2d(channels),
            )

    def forward(self, steps: Tensor) -> Tensor:
        """Return the steps after the block, (B, C, 1, N) -> (B, C', 1, ceil(N / stride))."""
        hidden = F.relu(self.bn1(self.conv1(steps)))
        return F.relu(self.bn2(self.conv2(hidden)) + self.downsample(steps))


def _stage(in_channels: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        ResidualBlock(in_channels, channels, 2), ResidualBlock(channels, channels, 1)
    )


def _mask_of_steps(mask: Tensor, stride: int) -> Tensor:
    """Return which steps hold a real frame, (B, N) -> (B, ceil(N / stride)) bool."""
    padded = F.pad(mask, (0, -mask.shape[1] % stride), value=False)
    return rearrange(padded, 'b (n s) -> b n s', s=stride).any(dim=-1)
