"""What every encoder of sound offers."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from stgr.structures.features import AudioFeatures


class AudioBackbone(nn.Module, ABC):
    """An encoder of log-mel spectrograms, see ``stgr.ops.log_mel``.

    Attributes:
        audio_dim: Width of its features.
        stride: Spectrogram frames from one step to the next; step n is centred on ``n * stride``.
    """

    audio_dim: int
    stride: int

    @abstractmethod
    def encode_audio(self, audio: Tensor, mask: Tensor) -> AudioFeatures:
        """Encode the sound of clips.

        Args:
            audio: Spectrograms, (B, M, N).
            mask: True for frames with sound, (B, N) bool.
        """
