"""SigLIP and SigLIP 2 as encoders of frames, patches, sentences and words in one space."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from einops import rearrange
from torch import Tensor

from stgr.models.backbones.clip_loading import Statistic, load_siglip, read_statistics
from stgr.models.backbones.clip_text import tokenize, tokens_cut
from stgr.models.backbones.image_text_backbone import ImageTextBackbone
from stgr.models.backbones.tower_backbone import Frozen, Tower
from stgr.models.layers.layer_inputs import passing
from stgr.ops.masking import at_least_float32
from stgr.registry import MODELS
from stgr.structures.features import TextFeatures, VideoFeatures

_HALF: Statistic = (0.5, 0.5, 0.5)


@MODELS.register_module()
class SiglipBackbone(ImageTextBackbone):
    """SigLIP (Zhai et al. 2023) and SigLIP 2 of fixed size (2025) through transformers.

    It has neither a class token nor a projection: a learned probe attends to all patches, and an
    MLP follows. The embedding of a patch is what this head makes of that patch alone, where there
    is nothing else to attend to: its value, then the MLP. So a picture of equal patches has the
    embedding of each of them. (To our knowledge no paper fixes this; the last hidden states
    themselves lie in another space than the text.)

    Text is lower-cased and padded to the encoder's length, as in training; the model sees the
    padding, and the sentence is its last token's state. Words are the other tokens' states through
    the same head.

    Args:
        source: Folder written by ``save_pretrained`` or hub name.
        frozen: See ``CLIPBackbone``.
        max_words: Word features kept of a sentence.

    Raises:
        FileNotFoundError: If ``source`` cannot be had.
        ValueError: If it is no SigLIP of fixed size, its pooling head or tokenizer is missing, or
            ``frozen`` does not fit its towers.
    """

    encoder_name: ClassVar[str] = 'siglip'
    siglip: Any

    def __init__(self, source: str | Path, *, frozen: Frozen = True, max_words: int = 20) -> None:
        super().__init__()
        self.layer = 'last, each patch alone through the pooling head'
        self.siglip, self.tokenizer = load_siglip(source)
        vision, text = self.siglip.config.vision_config, self.siglip.config.text_config
        if not hasattr(self.siglip.vision_model, 'head'):
            raise ValueError(
                f'{source} has no pooling head (vision_use_head); it embeds no picture'
            )
        side = vision.image_size // vision.patch_size
        self.grid = (side, side)
        self.image_size = vision.image_size
        self.video_dim = self.text_dim = self.token_dim = vision.hidden_size
        self.mean, self.std = read_statistics(source, default=(_HALF, _HALF))
        self.max_words = max_words
        self.max_tokens = text.max_position_embeddings
        self.freeze(frozen)

    def towers(self) -> dict[str, Tower]:
        """Return both encoders; each ends with its head."""
        vision, text = self.siglip.vision_model, self.siglip.text_model
        return {
            'vision': Tower((vision,), vision.encoder.layers, (vision.post_layernorm, vision.head)),
            'text': Tower((text,), text.encoder.layers, (text.final_layer_norm, text.head)),
        }

    def encode_video(self, frames: Tensor, mask: Tensor) -> VideoFeatures:
        """Encode frames in one forward; see the base class."""
        flat = rearrange(frames, 'b u c h w -> (b u) c h w')
        with self.gradient_of('vision'):
            out = self.siglip.vision_model(flat)
            patches = self._head_of_each(out.last_hidden_state)
        return VideoFeatures(
            rearrange(at_least_float32(out.pooler_output), '(b u) c -> b u c', b=len(frames)),
            rearrange(at_least_float32(patches), '(b u) p c -> b u p c', b=len(frames)),
            mask,
            self.grid,
        )

    def vision_states(self, pictures: Tensor) -> list[Tensor]:
        """Return the patches before the first and after every layer."""
        with passing(self.siglip.vision_model.encoder.layers) as states:
            self.siglip.vision_model(pictures)
        return states

    def embed_picture(self, tokens: Tensor) -> Tensor:
        """Return the embedding of pictures by their patches, (N, C)."""
        return self.pool_patches(tokens)

    def embed_tokens(self, tokens: Tensor) -> Tensor:
        """Return what the head makes of each token alone, (..., C)."""
        return self._head_of_each(self.siglip.vision_model.post_layernorm(tokens))

    def pool_patches(self, patches: Tensor) -> Tensor:
        """Return what the head makes of the patches together, (..., C)."""
        vision = self.siglip.vision_model
        flat = vision.post_layernorm(patches).flatten(0, -3)
        return vision.head(flat).unflatten(0, patches.shape[:-2])

    def _head_of_each(self, normed: Tensor) -> Tensor:
        """Return the pooling head of each token alone: attention to one token is its value."""
        head = self.siglip.vision_model.head
        attention = head.attention
        _, _, value_weight = attention.in_proj_weight.chunk(3)
        _, _, value_bias = attention.in_proj_bias.chunk(3)
        values = torch.nn.functional.linear(normed, value_weight, value_bias)
        values = attention.out_proj(values)
        return values + head.mlp(head.layernorm(values))

    def tokenize(self, sentences: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return token ids and mask, (B, N) with N the encoder's length; padding is masked."""
        lower = [sentence.lower() for sentence in sentences]
        return tokenize(self.tokenizer, lower, limit=self.max_tokens, padding='max_length')

    def tokens_cut(self, sentences: Sequence[str]) -> list[int]:
        """Return how many tokens of each sentence are beyond the encoder's length."""
        lower = [sentence.lower() for sentence in sentences]
        return tokens_cut(self.tokenizer, lower, limit=self.max_tokens)

    def encode_text(self, token_ids: Tensor, mask: Tensor) -> TextFeatures:
        """Encode token ids of full length; marks and padding are no words."""
        text = self.siglip.text_model
        with self.gradient_of('text'):
            hidden = text(input_ids=token_ids).last_hidden_state
            states = at_least_float32(text.head(hidden))
        marks = torch.tensor(self.tokenizer.all_special_ids, device=token_ids.device)
        count = min(states.shape[1], self.max_words)
        real = mask & (token_ids[..., None] != marks).all(dim=-1)  # isin has no ONNX form
        return TextFeatures(states[:, -1], states[:, :count], real[:, :count])
