"""CLIP as an encoder of frames, patches, sentences and words in one space."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from einops import rearrange
from torch import Tensor

from stgr.models.backbones.base import GroundingBackbone
from stgr.models.backbones.clip_loading import fingerprint, load_clip
from stgr.registry import MODELS
from stgr.structures.features import TextFeatures, VideoFeatures

OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)
OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)

PatchTokens = Literal['last', 'value']


@MODELS.register_module()
class CLIPBackbone(GroundingBackbone):
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
        frozen: Keep the weights as they are: no gradient, evaluation mode always, and not part of
            checkpoints (which stay small; they hold its fingerprint and fit no other one).
        max_words: Word features kept of a sentence (20 in the paper's code). The sentence feature
            is that of the whole text, up to the length of the encoder.

    Raises:
        FileNotFoundError: If ``source`` cannot be had.
        ValueError: If its tokenizer does not fit its weights, or ``patch_tokens`` is unknown.
    """

    clip: Any

    def __init__(
        self,
        source: str | Path,
        *,
        patch_tokens: PatchTokens = 'last',
        frozen: bool = True,
        max_words: int = 20,
    ) -> None:
        super().__init__()
        if patch_tokens not in get_args(PatchTokens):
            raise ValueError(f'patch_tokens must be last or value, not {patch_tokens!r}')
        self.patch_tokens = patch_tokens
        self.clip, self.tokenizer = load_clip(source)
        vision, text = self.clip.config.vision_config, self.clip.config.text_config
        side = vision.image_size // vision.patch_size
        self.grid = (side, side)
        self.image_size = vision.image_size
        self.video_dim = self.text_dim = self.clip.config.projection_dim
        self.mean, self.std = OPENAI_MEAN, OPENAI_STD
        self.max_words = max_words
        self.max_tokens = text.max_position_embeddings
        self.frozen = frozen
        if frozen:
            self.requires_grad_(False).eval()

    @property
    def fingerprint(self) -> str:
        """sha256 of the weights as they are now, and of ``patch_tokens`` if it is not ``last``."""
        weights = fingerprint(self.clip)
        if self.patch_tokens == 'last':
            return weights
        return hashlib.sha256(f'{weights} {self.patch_tokens}'.encode()).hexdigest()

    def train(self, mode: bool = True) -> 'CLIPBackbone':
        """Set the mode; a frozen encoder stays in evaluation mode."""
        return super().train(mode and not self.frozen)

    def encode_video(self, frames: Tensor, mask: Tensor) -> VideoFeatures:
        """Encode frames in one forward; see the base class."""
        flat = rearrange(frames, 'b u c h w -> (b u) c h w')
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            vision = self.clip.vision_model
            tokens = self._tokens(flat)
            tokens = self.clip.visual_projection(vision.post_layernorm(tokens))
        tokens = rearrange(tokens.float(), '(b u) n c -> b u n c', b=len(frames))
        return VideoFeatures(tokens[:, :, 0], tokens[:, :, 1:], mask, self.grid)

    def _tokens(self, pictures: Tensor) -> Tensor:
        """Return the class token and the patches before the final norm, (N, 1 + P, width)."""
        vision = self.clip.vision_model
        if self.patch_tokens == 'last':
            return vision(pictures).last_hidden_state
        out = vision(pictures, output_hidden_states=True)
        layer = vision.encoder.layers[-1]
        values = layer.self_attn.v_proj(layer.layer_norm1(out.hidden_states[-2]))
        values = layer.self_attn.out_proj(values)
        return torch.cat([out.last_hidden_state[:, :1], values[:, 1:]], dim=1)

    def tokenize(self, sentences: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return token ids and mask, (B, N); an empty sentence has its two marks only."""
        batch = self.tokenizer(
            list(sentences),
            padding=True,
            truncation=True,
            max_length=self.max_tokens,
            return_tensors='pt',
        )
        return batch['input_ids'], batch['attention_mask'].bool()

    def tokens_cut(self, sentences: Sequence[str]) -> list[int]:
        """Return how many tokens of each sentence are beyond the encoder's length."""
        rows = self.tokenizer(list(sentences), verbose=False)['input_ids']
        return [max(0, len(row) - self.max_tokens) for row in rows]

    def encode_text(self, token_ids: Tensor, mask: Tensor) -> TextFeatures:
        """Encode token ids; the end mark is the last real token of each row."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            hidden = self.clip.text_model(
                input_ids=token_ids, attention_mask=mask.long()
            ).last_hidden_state
            states = self.clip.text_projection(hidden).float()  # (B, N, C)
        end = mask.sum(dim=1) - 1
        sentence = states[torch.arange(len(states), device=states.device), end]
        # Between start and end mark; the end mark and padding are no words.
        words = states[:, 1 : max(2, min(states.shape[1], self.max_words + 1))]
        positions = torch.arange(1, 1 + words.shape[1], device=states.device)
        return TextFeatures(sentence, words, positions < end[:, None])

    def state_dict(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        """Return the weights; if frozen, which are a file of their own, their sha256 instead."""
        state = super().state_dict(*args, **kwargs)
        if self.frozen:
            prefix = kwargs.get('prefix', '')
            for key in [key for key in state if key.startswith(f'{prefix}clip.')]:
                del state[key]
            sha256 = list(bytes.fromhex(self.fingerprint))
            state[f'{prefix}fingerprint'] = torch.tensor(sha256, dtype=torch.uint8)
        return state

    def _load_from_state_dict(self, state_dict, prefix, *args):  # type: ignore[no-untyped-def]
        """Accept checkpoints without the frozen encoder: its own weights stand in."""
        if self.frozen:
            state_dict.pop(f'{prefix}fingerprint', None)  # compared by ``load_weights``
            for key, value in self.clip.state_dict().items():
                state_dict.setdefault(f'{prefix}clip.{key}', value)
        super()._load_from_state_dict(state_dict, prefix, *args)
