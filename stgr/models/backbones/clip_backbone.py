"""CLIP as an encoder of frames, patches, sentences and words in one space."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import torch
from einops import rearrange
from torch import Tensor, nn

from stgr.models.backbones.clip_loading import (
    OPENAI_MEAN,
    OPENAI_STD,
    load_clip,
    read_statistics,
)
from stgr.models.backbones.clip_text import encode_tokens, tokenize, tokens_cut
from stgr.models.backbones.image_text_backbone import ImageTextBackbone
from stgr.models.backbones.tower_backbone import Frozen, Tower
from stgr.models.layers.layer_inputs import entering, passing
from stgr.ops.masking import at_least_float32
from stgr.registry import MODELS
from stgr.structures.features import TextFeatures, VideoFeatures

PatchTokens = Literal['last', 'value']


@MODELS.register_module()
class CLIPBackbone(ImageTextBackbone):
    """CLIP (Radford et al. 2021) through transformers, all tokens projected into the shared space.

    One forward gives the frame (class token) and its patches: ``visual_projection`` of
    ``post_layernorm`` of *all* tokens of the last layer, as in the paper's code
    (GroundingYouTube ``clip_feature_noModule.py``). Words are the projected token states without
    the start mark; the sentence is the end mark's.

    Args:
        source: Folder written by ``save_pretrained`` or hub name.
        patch_tokens: What a patch is. ``last``: its token after the last layer, as in the paper's
            code; pretraining never asks these tokens to stay where they are, and they may describe
            the whole picture. ``value``: its value in the last layer's attention, which is what it
            would hand to the class token, looking at nothing else (MaskCLIP, Zhou et al. 2022).
        frozen: What is kept as it is: True for both towers, False for nothing, or by tower
            (``vision``, ``text``) True, False or how many layers from the input up; see
            ``TowerBackbone``. What is frozen is no part of checkpoints, which stay small; they
            hold its fingerprint and fit no other one.
        normalise: Whether pictures are shifted and scaled by CLIP's own statistics: those in the
            folder's ``preprocessor_config.json``, else OpenAI's. False leaves them in [0, 1], which
            is what the paper's released weights were trained with (its code only divides by 255).
        max_words: Word features kept of a sentence (20 in the paper's code). The sentence feature
            is that of the whole text, up to the length of the encoder.
        gradient_checkpointing: Keep only what enters each layer that learns, and compute the layer
            again in the backward pass: a quarter more time for three fifths of the memory with
            ViT-B/32 (``benchmarks/finetune_memory.py``).

    Raises:
        FileNotFoundError: If ``source`` cannot be had.
        ValueError: If its tokenizer does not fit its weights, its statistics are no numbers,
            ``frozen`` does not fit its towers, or ``patch_tokens`` is unknown.
    """

    encoder_name: ClassVar[str] = 'clip'
    prefix_tokens: ClassVar[int] = 1
    clip: Any

    def __init__(
        self,
        source: str | Path,
        *,
        patch_tokens: PatchTokens = 'last',
        frozen: Frozen = True,
        normalise: bool = True,
        max_words: int = 20,
        gradient_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        if patch_tokens not in get_args(PatchTokens):
            raise ValueError(f'patch_tokens must be last or value, not {patch_tokens!r}')
        self.patch_tokens = patch_tokens
        self.layer = f'last, projected; patches: {patch_tokens}'
        self.clip, self.tokenizer = load_clip(source)
        vision, text = self.clip.config.vision_config, self.clip.config.text_config
        side = vision.image_size // vision.patch_size
        self.grid = (side, side)
        self.image_size = vision.image_size
        self.video_dim = self.text_dim = self.clip.config.projection_dim
        self.token_dim = vision.hidden_size
        self.normalise = normalise
        raw = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
        self.mean, self.std = read_statistics(source) if normalise else raw
        self.max_words = max_words
        self.max_tokens = text.max_position_embeddings
        if gradient_checkpointing:
            _checkpoint_layers(self.clip)
        self.freeze(frozen)

    def towers(self) -> dict[str, Tower]:
        """Return both encoders; each ends with its projection into the shared space."""
        vision, text = self.clip.vision_model, self.clip.text_model
        see, read = self.clip.visual_projection, self.clip.text_projection
        return {
            'vision': Tower((vision, see), vision.encoder.layers, (vision.post_layernorm, see)),
            'text': Tower((text, read), text.encoder.layers, (text.final_layer_norm, read)),
        }

    def self_contained_layers(self) -> list[nn.Module]:
        """Return the layers of both towers but one of which the values are asked for by hand."""
        layers = super().self_contained_layers()
        if self.patch_tokens == 'value':
            layers.remove(self.clip.vision_model.encoder.layers[-1])
        return layers

    def settings(self) -> list[str]:
        """Return what changes features besides the weights."""
        settings: list[str] = [] if self.patch_tokens == 'last' else [self.patch_tokens]
        if not self.normalise:
            return [*settings, 'raw']
        if (self.mean, self.std) == (OPENAI_MEAN, OPENAI_STD):
            return settings
        return [*settings, f'mean {self.mean} std {self.std}']

    def encode_video(self, frames: Tensor, mask: Tensor) -> VideoFeatures:
        """Encode frames in one forward; see the base class."""
        flat = rearrange(frames, 'b u c h w -> (b u) c h w')
        with self.gradient_of('vision'):
            vision = self.clip.vision_model
            tokens = self._tokens(flat)
            tokens = self.clip.visual_projection(vision.post_layernorm(tokens))
        tokens = rearrange(at_least_float32(tokens), '(b u) n c -> b u n c', b=len(frames))
        return VideoFeatures(tokens[:, :, 0], tokens[:, :, 1:], mask, self.grid)

    def _tokens(self, pictures: Tensor) -> Tensor:
        """Return the class token and the patches before the final norm, (N, 1 + P, width)."""
        vision = self.clip.vision_model
        if self.patch_tokens == 'last':
            return vision(pictures).last_hidden_state
        layer = vision.encoder.layers[-1]
        with entering(layer) as inputs:
            last = vision(pictures).last_hidden_state
        values = layer.self_attn.v_proj(layer.layer_norm1(inputs[0]))
        values = layer.self_attn.out_proj(values)
        return torch.cat([last[:, :1], values[:, 1:]], dim=1)

    def vision_states(self, pictures: Tensor) -> list[Tensor]:
        """Return the tokens before the first and after every layer, class token first."""
        with passing(self.clip.vision_model.encoder.layers) as states:
            self.clip.vision_model(pictures)
        return states

    def embed_picture(self, tokens: Tensor) -> Tensor:
        """Return the projected class token, (N, C)."""
        return self.embed_tokens(tokens[:, 0])

    def embed_tokens(self, tokens: Tensor) -> Tensor:
        """Return final norm and projection of each token, (..., C)."""
        return self.clip.visual_projection(self.clip.vision_model.post_layernorm(tokens))

    def pool_patches(self, patches: Tensor) -> Tensor:
        """Return the projection of the mean of the normed patches, (..., C)."""
        return self.clip.visual_projection(self.clip.vision_model.post_layernorm(patches).mean(-2))

    def tokenize(self, sentences: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return token ids and mask, (B, N); an empty sentence has its two marks only."""
        return tokenize(self.tokenizer, sentences, limit=self.max_tokens)

    def tokens_cut(self, sentences: Sequence[str]) -> list[int]:
        """Return how many tokens of each sentence are beyond the encoder's length."""
        return tokens_cut(self.tokenizer, sentences, limit=self.max_tokens)

    def encode_text(self, token_ids: Tensor, mask: Tensor) -> TextFeatures:
        """Encode token ids; the end mark is the last real token of each row."""
        text, projection = self.clip.text_model, self.clip.text_projection
        with self.gradient_of('text'):
            return encode_tokens(text, projection, token_ids, mask, max_words=self.max_words)


def _checkpoint_layers(clip: Any) -> None:
    """Make each layer that is in training mode forget its activations until they are needed."""
    settings = {'use_reentrant': False}
    if hasattr(clip, 'activation_checkpointing_enable'):
        clip.activation_checkpointing_enable(settings)
    else:  # its name before transformers 5.23 or so
        clip.gradient_checkpointing_enable(settings)
