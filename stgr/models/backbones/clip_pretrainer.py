"""Train a small CLIP from scratch on pictures with captions."""

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from mmengine.model import BaseModel
from torch import Tensor

from stgr.models.backbones.clip_backbone import OPENAI_MEAN, OPENAI_STD
from stgr.registry import MODELS


@MODELS.register_module()
class CLIPPretrainer(BaseModel):
    """Contrastive image-text pretraining (Radford et al. 2021) of transformers' ``CLIPModel``.

    Pictures of a small world repeat each other, so a caption is no negative of a picture that
    shows the same step, and equal captions are positives of each other.

    CLIP's loss looks at the pooled token alone and leaves the patches to themselves: the better a
    small one becomes, the less its patches say of what is *there*. A second term of the same form
    may compare each caption with the patches, of which the best count (a smooth maximum, as bags
    of instances are compared): no box is needed to tell which.

    Args:
        tokenizer: Folder with the tokenizer.
        text: ``CLIPTextConfig`` values; vocabulary and marks come from the tokenizer.
        vision: ``CLIPVisionConfig`` values.
        projection_dim: Width of the shared space.
        patch_weight: Factor of the term on patches; 0 is CLIP's own loss.
        autocast: Compute in bfloat16 where that is safe; weights and loss stay float32.
    """

    clip: Any

    def __init__(
        self,
        tokenizer: str | Path,
        *,
        text: dict[str, Any],
        vision: dict[str, Any],
        projection_dim: int,
        patch_weight: float = 0.0,
        autocast: bool = True,
    ) -> None:
        super().__init__()
        from transformers import AutoTokenizer, CLIPConfig, CLIPModel

        self.tokenizer = AutoTokenizer.from_pretrained(tokenizer, local_files_only=True)
        marks = {
            'bos_token_id': self.tokenizer.bos_token_id,
            'eos_token_id': self.tokenizer.eos_token_id,
            'pad_token_id': self.tokenizer.pad_token_id,
        }
        text = {**text, **marks, 'vocab_size': len(self.tokenizer)}
        config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=projection_dim)
        self.clip = CLIPModel(config)
        # On 50 tokens plain attention beats the fused one: 1.5 times faster per step on a CPU.
        self.clip.set_attn_implementation('eager')
        self.patch_weight = patch_weight
        self.autocast = autocast
        self.register_buffer('mean', torch.tensor(OPENAI_MEAN)[:, None, None], persistent=False)
        self.register_buffer('std', torch.tensor(OPENAI_STD)[:, None, None], persistent=False)

    def forward(
        self, image: Tensor, caption: list[str], step: list[str], mode: str = 'loss'
    ) -> dict[str, Tensor]:
        """Return the losses and the retrieval accuracy.

        Args:
            image: Pictures, (B, S, S, 3) uint8 RGB.
            caption: One per picture.
            step: Name of the step shown, '' for none.
            mode: ``'loss'``; nothing else is offered.
        """
        if mode != 'loss':
            raise ValueError(f"mode must be 'loss', but got {mode!r}")
        with torch.autocast(image.device.type, torch.bfloat16, enabled=self.autocast):
            image_embeds, patch_embeds = self.embed_images(image)
            text_embeds = self.embed_texts(caption)
        scale = self.clip.logit_scale.exp().clamp(max=100)
        positive, allowed = _pair_masks(caption, step, image_embeds.device)
        masked = (scale * image_embeds @ text_embeds.T).masked_fill(~allowed, -torch.inf)
        hits = positive.gather(1, masked.argmax(dim=1, keepdim=True)).float().mean()
        losses = {'loss': _both_ways(masked, positive), 'top1': hits}
        if self.patch_weight:
            best = (scale * patch_embeds @ text_embeds.T).logsumexp(dim=1)  # (B, B)
            of_patches = _both_ways(best.masked_fill(~allowed, -torch.inf), positive)
            losses['loss_patches'] = self.patch_weight * of_patches
        return losses

    def embed_images(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return unit vectors of pictures, (B, D), and of their patches, (B, P, D), float32."""
        pixels = rearrange(image, 'b h w c -> b c h w').float() / 255
        vision = self.clip.vision_model
        tokens = vision((pixels - self.mean) / self.std).last_hidden_state
        tokens = self.clip.visual_projection(vision.post_layernorm(tokens))
        tokens = F.normalize(tokens.float(), dim=-1)
        return tokens[:, 0], tokens[:, 1:]

    def embed_texts(self, sentences: list[str]) -> Tensor:
        """Return unit vectors of sentences, (B, D) float32."""
        limit = self.clip.config.text_config.max_position_embeddings
        batch = self.tokenizer(
            sentences, padding=True, truncation=True, max_length=limit, return_tensors='pt'
        ).to(self.mean.device)
        pooled = self.clip.text_model(**batch).pooler_output
        return F.normalize(self.clip.text_projection(pooled).float(), dim=-1)


def _pair_masks(caption: list[str], step: list[str], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return which (picture, caption) pairs are positive and which may enter the softmax."""
    captions = {text: i for i, text in enumerate(dict.fromkeys(caption))}
    steps = {text: i for i, text in enumerate(dict.fromkeys(step))}
    caption_id = torch.tensor([captions[text] for text in caption], device=device)
    step_id = torch.tensor([steps[text] for text in step], device=device)
    shows = torch.tensor([bool(text) for text in step], device=device)
    positive = caption_id[:, None] == caption_id
    same_step = (step_id[:, None] == step_id) & shows[:, None]
    return positive, positive | ~same_step


def _both_ways(scores: Tensor, positive: Tensor) -> Tensor:
    return (_bag_nce(scores, positive) + _bag_nce(scores.T, positive.T)) / 2


def _bag_nce(scores: Tensor, positive: Tensor) -> Tensor:
    """Return the mean over rows of -log of the positives' share of the softmax."""
    bag = scores.masked_fill(~positive, -torch.inf).logsumexp(dim=1)
    return (scores.logsumexp(dim=1) - bag).mean()
