"""Train a small CLIP from scratch on pictures with captions."""

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from mmengine.model import BaseModel
from torch import Tensor

from stgr.models.backbones.clip_loading import OPENAI_MEAN, OPENAI_STD
from stgr.registry import MODELS


@MODELS.register_module()
class CLIPPretrainer(BaseModel):
    """Contrastive image-text pretraining (Radford et al. 2021) of transformers' ``CLIPModel``.

    Pictures of a small world repeat each other, so a caption is no negative of a picture that
    shows the same step, and equal captions are positives of each other.

    Args:
        tokenizer: Folder with the tokenizer.
        text: ``CLIPTextConfig`` values; vocabulary and marks come from the tokenizer.
        vision: ``CLIPVisionConfig`` values.
        projection_dim: Width of the shared space.
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
        self.autocast = autocast
        self.register_buffer('mean', torch.tensor(OPENAI_MEAN)[:, None, None], persistent=False)
        self.register_buffer('std', torch.tensor(OPENAI_STD)[:, None, None], persistent=False)

    def forward(
        self, image: Tensor, caption: list[str], step: list[str], mode: str = 'loss'
    ) -> dict[str, Tensor] | tuple[Tensor, Tensor]:
        """Return the loss and the retrieval accuracy, or the two normalised embeddings.

        Args:
            image: Pictures, (B, S, S, 3) uint8 RGB.
            caption: One per picture.
            step: Name of the step shown, '' for none.
            mode: ``'loss'`` or ``'tensor'``.
        """
        with torch.autocast(image.device.type, torch.bfloat16, enabled=self.autocast):
            image_embeds = self.embed_images(image)
            text_embeds = self.embed_texts(caption)
        if mode == 'tensor':
            return image_embeds, text_embeds
        scores = self.clip.logit_scale.exp().clamp(max=100) * image_embeds @ text_embeds.T
        positive, allowed = _pair_masks(caption, step, scores.device)
        masked = scores.masked_fill(~allowed, -torch.inf)
        loss = (_bag_nce(masked, positive) + _bag_nce(masked.T, positive.T)) / 2
        hits = positive.gather(1, masked.argmax(dim=1, keepdim=True)).float().mean()
        return {'loss': loss, 'top1': hits}

    def embed_images(self, image: Tensor) -> Tensor:
        """Return unit vectors of pictures, (B, D) float32."""
        pixels = rearrange(image, 'b h w c -> b c h w').float() / 255
        pooled = self.clip.vision_model((pixels - self.mean) / self.std).pooler_output
        return F.normalize(self.clip.visual_projection(pooled).float(), dim=-1)

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


def _bag_nce(scores: Tensor, positive: Tensor) -> Tensor:
    """Return the mean over rows of -log of the positives' share of the softmax."""
    bag = scores.masked_fill(~positive, -torch.inf).logsumexp(dim=1)
    return (scores.logsumexp(dim=1) - bag).mean()
