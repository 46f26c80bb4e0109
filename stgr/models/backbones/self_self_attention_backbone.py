"""Patches that stay where they are, out of any image-text model, without training: GEM."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn

from stgr.models.backbones.base import GroundingBackbone
from stgr.models.backbones.clip_backbone import CLIPBackbone
from stgr.models.backbones.clip_loading import combined_sha256, read_kind
from stgr.models.backbones.image_text_backbone import ImageTextBackbone
from stgr.models.backbones.siglip_backbone import SiglipBackbone
from stgr.ops.masking import at_least_float32
from stgr.ops.self_self_attention import self_self_attention
from stgr.registry import MODELS
from stgr.structures.features import TextFeatures, VideoFeatures

GEM_WEIGHTS = (1.0,) * 7
"""What GEM's code does with twelve layers: what enters the last six, and they, weigh the same."""
VIDEO_GEM_WEIGHTS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.9, 0.9, 0.9)
"""VideoGEM's static weights for twelve layers: of what enters the last seven, and of each."""


@MODELS.register_module()
class SelfSelfAttentionBackbone(GroundingBackbone):
    """A frozen CLIP or SigLIP whose patches come from a path of self-self attention beside it.

    GEM (Bousselham et al., CVPR 2024, "Grounding Everything"; facts checked against the authors'
    code, WalBouss/GEM at a739251): the model itself runs as ever. Beside it, from the last K
    layers on, each layer's attention is asked again with queries for queries, keys for keys and
    values for values (see ``self_self_attention``), on what *enters* that layer in the model, and
    goes through the layer's output projection. What entered the first of these layers plus these K
    contributions, no MLPs, are the patches; final norm and projection follow. The inverse
    temperature is the mean norm of the tokens that enter the attention over the root of a head's
    width. VideoGEM (Vogel et al., CVPR 2025) weights the summands: higher layers more.

    The frame's embedding is the model's own. SigLIP has no class token and no projection; there a
    patch is embedded as ``SiglipBackbone`` says. That is ours: neither paper has SigLIP.

    With ``separate_layers`` D > 0, the last D contributions stay apart until a text is known
    (``LayerWeightedHeatMapHead``): patches are then not in the shared space but hold the weighted
    sum of the others and D contributions, 1 + D times as wide as a token.

    Args:
        source: Folder written by ``save_pretrained``, hub name or ``stgr://NAME``; a CLIP (also one
            of OpenCLIP in this format) or a SigLIP (2) of fixed size, as its config.json says.
        layer_weights: Weight of what enters the last K layers, then of each of them; K + 1 numbers.
            One number: no path at all, the model's own last patches.
        separate_layers: How many of the last layers stay apart, D <= K.
        iterations: Rounds of self-self attention before values are gathered, >= 0 (GEM: 1).
        inverse_temperature: Instead of GEM's rule; > 0.

    Raises:
        FileNotFoundError: If ``source`` cannot be had.
        ValueError: If it is no such model, or a number is out of range.
    """

    def __init__(
        self,
        source: str | Path,
        *,
        layer_weights: Sequence[float] = GEM_WEIGHTS,
        separate_layers: int = 0,
        iterations: int = 1,
        inverse_temperature: float | None = None,
    ) -> None:
        super().__init__()
        kinds = {'clip': CLIPBackbone, 'siglip': SiglipBackbone}
        encoder: ImageTextBackbone = kinds[read_kind(source)](source)
        _check(encoder, layer_weights, separate_layers, iterations, inverse_temperature, source)
        self.encoder = encoder
        self.layer_weights = tuple(float(weight) for weight in layer_weights)
        self.separate_layers = separate_layers
        self.iterations = iterations
        self.inverse_temperature = inverse_temperature
        self.video_dim, self.text_dim = encoder.video_dim, encoder.text_dim
        self.grid, self.image_size = encoder.grid, encoder.image_size
        self.mean, self.std = encoder.mean, encoder.std
        self.layer = f'self-self attention, {" ".join(self._settings())}'

    def _settings(self) -> list[str]:
        """Return what decides the patches besides the weights."""
        weights = ','.join(f'{weight:g}' for weight in self.layer_weights)
        temperature = self.inverse_temperature
        return [
            f'layers {weights}',
            f'apart {self.separate_layers}',
            f'iterations {self.iterations}',
            f'inverse temperature {"norm" if temperature is None else f"{temperature:g}"}',
        ]

    @property
    def fingerprint(self) -> str:
        """sha256 of the weights as they are now and of all settings."""
        return combined_sha256(self.encoder.fingerprint, self._settings())

    @property
    def patch_dim(self) -> int:
        """Width of patch features."""
        apart = self.separate_layers
        return (1 + apart) * self.encoder.token_dim if apart else self.video_dim

    def encode_video(self, frames: Tensor, mask: Tensor) -> VideoFeatures:
        """Encode frames in one forward; see the base class."""
        flat = rearrange(frames, 'b u c h w -> (b u) c h w')
        with torch.no_grad():
            states = self.encoder.vision_states(flat)
            pictures = at_least_float32(self.encoder.embed_picture(states[-1]))
            summands = [s[:, self.encoder.prefix_tokens :] for s in self._summands(states)]
            patches = at_least_float32(self._weighted(summands))
        return VideoFeatures(
            rearrange(pictures, '(b u) c -> b u c', b=len(frames)),
            rearrange(patches, '(b u) p c -> b u p c', b=len(frames)),
            mask,
            self.grid,
        )

    def _summands(self, states: list[Tensor]) -> list[Tensor]:
        """Return what enters the last K layers, and the contribution of each, (N, 1 + P, W)."""
        depth = len(self.layer_weights) - 1
        entering = states[len(states) - 1 - depth :]
        layers = list(self.encoder.vision_layers)[len(states) - 1 - depth :]
        pairs = zip(layers, entering, strict=False)  # nothing follows what leaves the last
        return [entering[0], *(self._attend(layer, tokens) for layer, tokens in pairs)]

    def _attend(self, layer: Any, tokens: Tensor) -> Tensor:
        """Return the self-self attention of one layer on what enters it."""
        attention, normed = layer.self_attn, layer.layer_norm1(tokens)
        queries, keys, values = (
            rearrange(proj(normed), 'n p (h d) -> n h p d', h=attention.num_heads)
            for proj in (attention.q_proj, attention.k_proj, attention.v_proj)
        )
        by_rule = normed.norm(dim=-1).mean(dim=-1) * queries.shape[-1] ** -0.5  # of each picture
        inverse = self.inverse_temperature
        gathered = self_self_attention(
            [queries, keys, values],
            values,
            inverse_temperature=by_rule[:, None, None, None] if inverse is None else inverse,
            iterations=self.iterations,
        )
        gathered = rearrange(gathered, 'n h p d -> n p (h d)').to(normed.dtype)
        return attention.out_proj(gathered)

    def _weighted(self, summands: list[Tensor]) -> Tensor:
        """Return patch features: embedded, or the sum of the lower ones beside each upper one."""
        together = len(summands) - self.separate_layers
        total = sum(
            (w * s for w, s in zip(self.layer_weights, summands[:together], strict=False)),
            start=torch.zeros_like(summands[0]),
        )
        if not self.separate_layers:
            return self.encoder.embed_tokens(total)
        return torch.cat([total, *summands[together:]], dim=-1)

    @property
    def separate_weights(self) -> tuple[float, ...]:
        """The static weights of the layers that stay apart."""
        return self.layer_weights[len(self.layer_weights) - self.separate_layers :]

    def embed_patches(self, patches: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return patch features in the shared space.

        Args:
            patches: As ``encode_video`` returns them, (..., P, ``patch_dim``).
            weights: Of the layers that stay apart, (..., D) or what broadcasts to it. None: the
                static ones.

        Returns:
            Patches, (..., P, C).
        """
        if not self.separate_layers:
            return patches
        lower, apart = self._split(patches)
        if weights is None:
            weights = patches.new_tensor(self.separate_weights)
        return self.encoder.embed_tokens(lower + (apart * weights[..., None, :, None]).sum(dim=-2))

    def embed_without_each(self, patches: Tensor) -> Tensor:
        """Return frames pooled from all layers but one, for each that stays apart, (..., D, C).

        Args:
            patches: As ``encode_video`` returns them, (..., P, ``patch_dim``).
        """
        lower, apart = self._split(patches)
        apart = apart * patches.new_tensor(self.separate_weights)[:, None]
        total = lower + apart.sum(dim=-2)
        left = [total - apart[..., i, :] for i in range(self.separate_layers)]
        return torch.stack([self.encoder.pool_patches(tokens) for tokens in left], dim=-2)

    def _split(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sum of the lower layers, (..., P, W), and the upper ones, (..., P, D, W)."""
        groups = patches.unflatten(-1, (1 + self.separate_layers, -1))
        return groups[..., 0, :], groups[..., 1:, :]

    def tokens_cut(self, sentences: Sequence[str]) -> list[int]:
        """Return how many tokens of each sentence are beyond the encoder's length."""
        return self.encoder.tokens_cut(sentences)

    def tokenize(self, sentences: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return token ids and mask, both (B, N)."""
        return self.encoder.tokenize(sentences)

    def encode_text(self, token_ids: Tensor, mask: Tensor) -> TextFeatures:
        """Encode token ids as they come from ``tokenize``."""
        return self.encoder.encode_text(token_ids, mask)

    def self_contained_layers(self) -> list[nn.Module]:
        """Return none: attention weights are asked for by hand, and nothing is trained."""
        return []


def _check(
    encoder: ImageTextBackbone,
    layer_weights: Sequence[float],
    separate_layers: int,
    iterations: int,
    inverse_temperature: float | None,
    source: str | Path,
) -> None:
    depth, most = len(layer_weights) - 1, len(encoder.vision_layers)
    if not 0 <= depth <= most:
        raise ValueError(
            f'layer_weights has {depth + 1} numbers, but {source} has {most} layers: give 1 to '
            f'{most + 1}, of what enters the last layers and of each of them'
        )
    if not 0 <= separate_layers <= depth:
        raise ValueError(
            f'separate_layers={separate_layers}, but layer_weights weigh {depth} layers; give 0 to '
            f'{depth}'
        )
    if iterations < 0:
        raise ValueError(f'iterations must be >= 0, but got {iterations}')
    if inverse_temperature is not None and not inverse_temperature > 0:
        raise ValueError(f'inverse_temperature must be > 0, but got {inverse_temperature}')
