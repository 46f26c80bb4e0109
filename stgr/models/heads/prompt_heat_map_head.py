"""Heat maps of an action out of several prompts: of the action, of its verb and of its object."""

from collections.abc import Sequence
from typing import Protocol

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from stgr.registry import MODELS

FRAMES_AT_ONCE = 32  # of which patches of several layers are embedded together
N_PARTS = 3


class PatchEmbedder(Protocol):
    """What a head asks of a backbone whose layers may be weighted later."""

    @property
    def separate_weights(self) -> Sequence[float]:
        """Static weights of the layers that stay apart, D numbers."""

    def embed_patches(self, patches: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return patches in the shared space, (..., P, C), given weights (..., D)."""

    def embed_without_each(self, patches: Tensor) -> Tensor:
        """Return frames pooled from all layers but one, (..., D, C)."""


@MODELS.register_module()
class PromptHeatMapHead(nn.Module):
    """The weighted mean of one map per prompt, each scaled to [0, 1] in each frame.

    VideoGEM (Vogel et al., CVPR 2025) asks for the action, its verb and its object; the maps are
    cosines of patches and prompts, each scaled by its least and greatest value as in GEM. The paper
    reports the weighted mean of the maps' peak *positions*, which is one point and may lie where
    nothing is; here the maps themselves are averaged (a mode of its code), so that there is a map
    to draw and to box.

    Args:
        part_weights: Of action, verb and object, >= 0, the action's > 0 (VideoGEM: 3, 1, 1). A
            query without object has the other two. (1, 0, 0): GEM.

    Raises:
        ValueError: If these are not such three numbers.
    """

    needs_layers: bool = False
    """Whether the backbone must keep layers apart."""

    def __init__(self, part_weights: Sequence[float] = (3.0, 1.0, 1.0)) -> None:
        super().__init__()
        if len(part_weights) != N_PARTS or min(part_weights) < 0 or not part_weights[0] > 0:
            raise ValueError(
                'part_weights must be three numbers >= 0, of action (> 0), verb and object, but '
                f'got {tuple(part_weights)}'
            )
        self.part_weights = tuple(float(weight) for weight in part_weights)

    def forward(self, patches: Tensor, parts: Tensor, mask: Tensor, embed: PatchEmbedder) -> Tensor:
        """Return where each query is seen in each frame.

        Args:
            patches: Patch features of N windows of T frames, (N, T, P, C').
            parts: Embedded prompts of action, verb and object, (N or 1, K, C), K <= 3.
            mask: True where a query has this part, (N or 1, K) bool.
            embed: The backbone that made the patches.

        Returns:
            Maps that sum to 1 in each frame, (N, T, P) float32, >= 0; uniform where nothing
            differs.
        """
        weights = parts.new_tensor(self.part_weights[: parts.shape[1]]) * mask  # (N or 1, K)
        weights = weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-12)
        asked = weights.amax(dim=0) > 0
        parts, weights = parts[:, asked], weights[:, asked]
        cosines = self._cosines(patches.float(), F.normalize(parts.float(), dim=-1), embed)
        low, high = cosines.amin(dim=-1, keepdim=True), cosines.amax(dim=-1, keepdim=True)
        scaled = (cosines - low) / (high - low).clamp(min=1e-12)  # (N, T, K, P)
        heat = (scaled * weights[:, None, :, None]).sum(dim=2) + 1e-12
        return heat / heat.sum(dim=-1, keepdim=True)

    def _cosines(self, patches: Tensor, parts: Tensor, embed: PatchEmbedder) -> Tensor:
        """Return the cosine of each prompt and patch, (N, T, K, P)."""
        embedded = F.normalize(embed.embed_patches(patches), dim=-1)
        return torch.einsum('ntpc,nkc->ntkp', embedded, parts.expand(len(patches), -1, -1))


@MODELS.register_module()
class LayerWeightedHeatMapHead(PromptHeatMapHead):
    """As ``PromptHeatMapHead``, with the weights of the last layers chosen for each prompt.

    VideoGEM's dynamic weights: the less a frame is like the prompt once a layer is left out, the
    more that layer matters, so with ``s_d`` that cosine, layer d of D weighs
    ``static_d + softmax(-sharpness * s)_d - 1 / D`` (the authors' code, felixVogel02/VideoGEM at
    a33ed5e, has 20 and three layers). Two things differ there: what a layer is left out of is the
    sum with static weights, not the plain one, which would have to be stored beside it; and a frame
    is the mean of its patches (SigLIP: its pooling head's), not the class token, since features
    are patches on a grid and SigLIP has no such token.

    Args:
        part_weights: See the base class.
        sharpness: Of the softmax, >= 0; 0 leaves the static weights.

    Raises:
        ValueError: If a number is out of range.
    """

    needs_layers = True

    def __init__(
        self, part_weights: Sequence[float] = (3.0, 1.0, 1.0), *, sharpness: float = 20.0
    ) -> None:
        super().__init__(part_weights)
        if not sharpness >= 0:
            raise ValueError(f'sharpness must be >= 0, but got {sharpness}')
        self.sharpness = sharpness

    def _cosines(self, patches: Tensor, parts: Tensor, embed: PatchEmbedder) -> Tensor:
        """Return the cosine of each prompt and patch under the prompt's weights, (N, T, K, P)."""
        n, t = patches.shape[:2]
        flat = rearrange(patches, 'n t p c -> (n t) p c')
        texts = parts.expand(n, -1, -1).repeat_interleave(t, dim=0)  # (N * T, K, C)
        pairs = zip(flat.split(FRAMES_AT_ONCE), texts.split(FRAMES_AT_ONCE), strict=True)
        cosines = torch.cat([self._of_frames(*pair, embed) for pair in pairs])
        return rearrange(cosines, '(n t) k p -> n t k p', n=n)

    def _of_frames(self, patches: Tensor, texts: Tensor, embed: PatchEmbedder) -> Tensor:
        weights = self.layer_weights(patches, texts, embed)  # (M, K, D)
        maps = []
        for part in range(texts.shape[1]):
            embedded = F.normalize(embed.embed_patches(patches, weights[:, part]), dim=-1)
            maps.append(torch.einsum('mpc,mc->mp', embedded, texts[:, part]))
        return torch.stack(maps, dim=1)

    def layer_weights(self, patches: Tensor, texts: Tensor, embed: PatchEmbedder) -> Tensor:
        """Return the weights of the layers that stay apart, (M, K, D).

        Args:
            patches: Of M frames, (M, P, C').
            texts: Normalised prompts of each frame, (M, K, C).
            embed: The backbone that made the patches.
        """
        static = patches.new_tensor(embed.separate_weights)
        without = F.normalize(embed.embed_without_each(patches), dim=-1)  # (M, D, C)
        similar = torch.einsum('mkc,mdc->mkd', texts, without)
        return static + (-self.sharpness * similar).softmax(dim=-1) - 1 / len(static)
