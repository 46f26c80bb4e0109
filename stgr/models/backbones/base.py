"""What every encoder pair offers."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn

from stgr.structures.features import TextFeatures, VideoFeatures


class GroundingBackbone(nn.Module, ABC):
    """An encoder of frames and of sentences.

    Preprocessing facts travel with the weights, so they cannot drift apart from them.

    Attributes:
        video_dim: Width of frame features, and of patch features unless ``patch_dim`` says else.
        text_dim: Width of sentence and word features.
        grid: Rows and columns of the patch grid.
        image_size: Side of the square input in pixels.
        mean, std: Statistics of the normalised input, RGB in [0, 1], three numbers each.
        layer: Which layer the features are taken from, in words; stored with them.
        frames_per_step: Frames that become one feature in time. What follows the backbone speaks of
            steps where it speaks of frames, and so does the rate of stored features.
        frames_per_window: Frames that see each other, from the first on; a multiple of
            ``frames_per_step``. Encoding a video in chunks of a multiple of it changes nothing.
    """

    video_dim: int
    text_dim: int
    grid: tuple[int, int]
    image_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    layer: str = 'last'
    frames_per_step: int = 1
    frames_per_window: int = 1

    @property
    def patch_dim(self) -> int:
        """Width of patch features: that of the frames unless a backbone says otherwise."""
        return self.video_dim

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """sha256 of the weights as they are now, which feature files remember."""

    @property
    def video_learns(self) -> bool:
        """Whether the features of a frame change in training: then none can be stored before it."""
        return any(parameter.requires_grad for parameter in self.parameters())

    def depths(self) -> dict[str, int]:
        """Return how many layers lie above each parameter, by name, for layer-wise learning rates.

        0 for what stands above the last layer; names left out lie in no stack of layers.
        """
        return {}

    def self_contained_layers(self) -> list[nn.Module]:
        """Return layers whose weights nobody uses but their own ``forward``.

        They can be gathered for it and given back after it, see ``FullyShardedModel``.
        """
        return []

    @abstractmethod
    def encode_video(self, frames: Tensor, mask: Tensor) -> VideoFeatures:
        """Encode frames.

        Args:
            frames: Normalised pictures, (B, U, 3, S, S) with S = ``image_size``.
            mask: True for real frames, (B, U) bool.

        Returns:
            Features of U / ``frames_per_step`` steps.

        Raises:
            ValueError: If U is no multiple of ``frames_per_step``.
        """

    def frames_per_chunk(self, about: int) -> int:
        """Return the next multiple of ``frames_per_window`` from ``about`` frames on."""
        return -(-about // self.frames_per_window) * self.frames_per_window

    def tokens_cut(self, sentences: Sequence[str]) -> list[int]:
        """Return how many tokens of each sentence ``tokenize`` leaves out."""
        return [0] * len(sentences)

    @abstractmethod
    def tokenize(self, sentences: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return token ids and their mask, both (B, N).

        N is that of the longest sentence, or the same for all where padding counts (S3D).
        """

    @abstractmethod
    def encode_text(self, token_ids: Tensor, mask: Tensor) -> TextFeatures:
        """Encode token ids as they come from ``tokenize``."""
