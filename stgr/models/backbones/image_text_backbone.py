"""What an encoder pair offers to those that look into its vision transformer."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from stgr.models.backbones.tower_backbone import TowerBackbone


class ImageTextBackbone(TowerBackbone):
    """A vision transformer and a text encoder of one space, whose inner tokens can be asked for.

    Its layers have ``layer_norm1`` and ``self_attn`` with ``q_proj``, ``k_proj``, ``v_proj`` and
    ``out_proj``, as those of transformers' CLIP and SigLIP.

    Attributes:
        token_dim: Width W of a token before it is projected into the shared space.
        prefix_tokens: Tokens before the patches: 1 with a class token.
    """

    token_dim: int
    prefix_tokens: ClassVar[int] = 0

    @property
    def vision_layers(self) -> Sequence[nn.Module]:
        """The layers of the vision transformer, from the input up."""
        return self.towers()['vision'].layers

    @abstractmethod
    def vision_states(self, pictures: Tensor) -> list[Tensor]:
        """Return the tokens that enter the first layer, and those that leave each layer.

        Args:
            pictures: Normalised pictures, (N, 3, S, S).

        Returns:
            L + 1 tensors, (N, prefix + P, W), before the final norm.
        """

    @abstractmethod
    def embed_picture(self, tokens: Tensor) -> Tensor:
        """Return the embedding of pictures, given what leaves the last layer, (N, C)."""

    @abstractmethod
    def embed_tokens(self, tokens: Tensor) -> Tensor:
        """Return each token, (..., W), by itself in the shared space, (..., C)."""

    @abstractmethod
    def pool_patches(self, patches: Tensor) -> Tensor:
        """Return patches, (..., P, W), together as one vector of the shared space, (..., C)."""
