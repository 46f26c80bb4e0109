"""The paper's training step in straightforward PyTorch: the rival of ``training_step.py``.

What a careful person writes with transformers' CLIP and the paper at hand: all candidates through
the vision tower in large batches without gradient, texts padded to the longest of the batch,
log-domain Sinkhorn on all clips at once, and pairs of clips and narrations as (B, B, R, D) tensors
with matrix products and fused attention. No loop over clips, words or pairs. Where the pairs do
not fit the memory, they are computed some videos at a time and again in the backward pass.

It is given the library's modules, so that both have the same weights and must have the same loss.
"""

import torch
import torch.nn.functional as F
from local_head import score_matmul
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

PICTURES_AT_ONCE = 1024


class PlainGrounder(nn.Module):
    """Selection by Sinkhorn, global and local contrastive loss, on a frozen CLIP.

    Args:
        grounder: The library's, of ``configs/ours_clip.py``.
        chunk: Videos whose pairs are computed at once; None for all, without recomputation.
    """

    def __init__(self, grounder: nn.Module, *, chunk: int | None = None) -> None:
        super().__init__()
        backbone, preprocessor = grounder.backbone, grounder.data_preprocessor
        self.clip, self.tokenizer = backbone.clip, backbone.tokenizer
        self.max_words = backbone.max_words
        self.register_buffer('mean', preprocessor.mean.clone())
        self.register_buffer('std', preprocessor.std.clone())
        self.global_head, self.local_head = grounder.global_head, grounder.local_head
        selector = grounder.selector
        self.kept, self.iterations = selector.count, selector.iterations
        self.sharpness = selector.temperature * selector.epsilon
        self.margin = grounder.global_loss.margin
        self.chunk = chunk

    def forward(self, batch: dict[str, object]) -> Tensor:
        """Return the loss of clips with ``narrations`` and ``pictures`` or stored features."""
        sentences, words, word_mask = self.encode_text(batch['narrations'])
        if 'pictures' in batch:
            frames, patches = self.encode_video(batch['pictures'])
        else:
            frames = batch['frame_features'].to(self.mean.device).float()
            patches = batch['patch_features'].to(self.mean.device).float()
        chosen = self.select(frames, patches, words, word_mask)  # (B, T)
        clips = torch.arange(len(chosen), device=chosen.device)[:, None]
        frames, patches = frames[clips, chosen], patches[clips, chosen].flatten(1, 2)

        video = self.global_head.video_proj(frames).float().mean(dim=1)
        text = self.global_head.text_proj(sentences).float()
        with torch.autocast(video.device.type, enabled=False):
            global_scores = video @ text.T
        return self.contrast(global_scores) + self.contrast(
            self.pair_scores(patches, words, word_mask)
        )

    @torch.no_grad()
    def encode_video(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Encode (B, U, 3, S, S) uint8 to frames (B, U, C) and patches (B, U, P, C)."""
        states = []
        for part in pictures.flatten(0, 1).split(PICTURES_AT_ONCE):
            pixels = part.to(self.mean.device, non_blocking=True).float()
            pixels = pixels.div_(255).sub_(self.mean).div_(self.std)
            tokens = self.clip.vision_model(pixels).last_hidden_state
            tokens = self.clip.vision_model.post_layernorm(tokens)
            states.append(self.clip.visual_projection(tokens).float())
        tokens = torch.cat(states).unflatten(0, pictures.shape[:2])
        return tokens[:, :, 0], tokens[:, :, 1:]

    @torch.no_grad()
    def encode_text(self, narrations: list[str]) -> tuple[Tensor, Tensor, Tensor]:
        """Return sentences (B, C), words (B, L, C) and which are real, (B, L) bool."""
        limit = self.clip.config.text_config.max_position_embeddings
        tokens = self.tokenizer(
            narrations, padding=True, truncation=True, max_length=limit, return_tensors='pt'
        ).to(self.mean.device)
        states = self.clip.text_model(**tokens).last_hidden_state
        states = self.clip.text_projection(states).float()
        end = tokens['attention_mask'].sum(dim=1) - 1
        sentences = states[torch.arange(len(states), device=end.device), end]
        words = states[:, 1 : self.max_words + 1]
        positions = torch.arange(1, 1 + words.shape[1], device=end.device)
        return sentences, words, positions < end[:, None]

    @torch.no_grad()
    def select(self, frames: Tensor, patches: Tensor, words: Tensor, word_mask: Tensor) -> Tensor:
        """Return the frames that transport gives to the words, (B, T), in temporal order."""
        head = self.global_head
        of_frame = F.normalize(head.video_proj(frames).float(), dim=-1)
        of_patches = F.normalize(head.video_proj(patches).float(), dim=-1).mean(dim=2)
        of_words = F.normalize(head.text_proj(words).float(), dim=-1)
        with torch.autocast(frames.device.type, enabled=False):
            cosines = (of_frame + of_patches) / 2 @ of_words.mT  # (B, U, L)
        kernel = (cosines / self.sharpness).masked_fill(~word_mask[:, None], -torch.inf)
        log_word = -word_mask.sum(dim=1, keepdim=True).float().log()
        log_frame = -torch.tensor(float(frames.shape[1]), device=frames.device).log()
        of_rows = torch.zeros_like(cosines[:, :, 0])
        for _ in range(self.iterations):
            of_columns = log_word - (kernel + of_rows[:, :, None]).logsumexp(dim=1)
            of_columns = of_columns.masked_fill(~word_mask, 0)
            of_rows = log_frame - (kernel + of_columns[:, None]).logsumexp(dim=2)
        plan = (kernel + of_rows[:, :, None] + of_columns[:, None]).exp()
        wanted = (plan * cosines).sum(dim=2)
        return wanted.topk(self.kept, dim=1).indices.sort(dim=1).values

    def pair_scores(self, patches: Tensor, words: Tensor, word_mask: Tensor) -> Tensor:
        """Return the local score of each video with each text, (B, B)."""
        if self.chunk is None:
            return score_matmul(self.local_head, patches, words, word_mask).float()
        rows = [
            checkpoint(score_matmul, self.local_head, part, words, word_mask, use_reentrant=False)
            for part in patches.split(self.chunk)
        ]
        return torch.cat(rows).float()

    def contrast(self, scores: Tensor) -> Tensor:
        """Return the margin softmax of both directions (Eq. 1)."""
        own = torch.arange(len(scores), device=scores.device)
        scores = scores - self.margin * torch.eye(len(scores), device=scores.device)
        return F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)
