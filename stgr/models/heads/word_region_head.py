"""A local head without attention: each word looks for its best patch."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from stgr.models.heads.local_head import LocalHead
from stgr.ops.masking import at_least_float32, fill_empty, mean_weights
from stgr.registry import MODELS

# Cosines held at a time: 64 MB in float32.
CHUNK = 2**24


@MODELS.register_module()
class WordRegionHead(LocalHead):
    """Score a pair by the mean over words of the cosine with the best region.

    The word-to-patch half of FILIP's late interaction (Yao et al. 2022). It has no attention to
    learn, is several times cheaper than the paper's stack and easier to train: a reference to hold
    the stack against. Scores are cosines: give it a loss with a temperature, such as
    ``InfoNCELoss``. The heat of a patch is the mean over words of their softmax over patches.

    A text without a real word, or a video without a real region, scores 0.

    Args:
        video_dim, text_dim, dim, identity_init: See ``LocalHead``.
        heat_temperature: Divides the cosines before the softmax of the heat maps, > 0.

    Raises:
        ValueError: If a setting is out of range.
    """

    def __init__(
        self,
        video_dim: int,
        text_dim: int,
        dim: int,
        *,
        heat_temperature: float = 0.07,
        identity_init: bool = False,
    ) -> None:
        super().__init__(video_dim, text_dim, dim, identity_init=identity_init)
        if not heat_temperature > 0:
            raise ValueError(f'heat_temperature must be > 0, but got {heat_temperature}')
        self.heat_temperature = heat_temperature

    def scores(
        self,
        patches: Tensor,
        words: Tensor,
        region_mask: Tensor | None = None,
        word_mask: Tensor | None = None,
        chunk: int | None = None,
    ) -> Tensor:
        """Return the score of each video with each text, see ``LocalHead``."""
        regions, texts = _unit(self.project_video(patches)), _unit(self.project_text(words))
        cells = texts.shape[0] * texts.shape[1] * max(regions.shape[1], 1)
        chunk = chunk or max(1, CHUNK // max(cells, 1))
        rows = []
        for start in range(0, max(len(regions), 1), chunk):
            part = slice(start, start + chunk)
            mask = None if region_mask is None else region_mask[part]
            inputs = regions[part], texts, mask, word_mask
            if chunk < len(regions) and torch.is_grad_enabled():
                rows.append(checkpoint(_late_interaction, *inputs, use_reentrant=False))
            else:
                rows.append(_late_interaction(*inputs))
        return torch.cat(rows)

    def pair_scores(
        self,
        patches: Tensor,
        words: Tensor,
        region_mask: Tensor | None = None,
        word_mask: Tensor | None = None,
    ) -> Tensor:
        """Return the score of each video with its own text, see ``LocalHead``."""
        regions, texts = _unit(self.project_video(patches)), _unit(self.project_text(words))
        cosines = _products(regions, texts)[:, None]  # (N, 1, R, L)
        masks = None if word_mask is None else word_mask[:, None]
        return _mean_of_best(cosines, region_mask, masks).squeeze(1)

    @torch.no_grad()
    def frame_scores(
        self, patches: Tensor, words: Tensor, word_mask: Tensor | None = None
    ) -> Tensor:
        """Return the score of each query with each frame, see ``LocalHead``."""
        return self.scores(patches, words, None, word_mask).T.contiguous()

    @torch.no_grad()
    def heatmaps(
        self,
        patches: Tensor,
        words: Tensor,
        word_mask: Tensor | None = None,
        region_mask: Tensor | None = None,
    ) -> Tensor:
        """Return where a text is seen in each frame of a window, see ``LocalHead``."""
        frames = patches.shape[1]
        regions = _unit(self.project_video(rearrange(patches, 'N T P C -> N (T P) C')))
        cosines = _products(regions, _unit(self.project_text(words)))  # (N, T P, L)
        if word_mask is None:
            word_mask = words.new_ones(words.shape[:2], dtype=torch.bool)
        # A text without a real word looks everywhere alike.
        weights = mean_weights(fill_empty(word_mask), cosines.dtype)[:, None]
        cosines = cosines * word_mask.any(dim=1)[:, None, None]
        if region_mask is not None:
            region_mask = region_mask.expand(patches.shape[:3]).flatten(1)
            cosines = cosines.masked_fill(~fill_empty(region_mask)[..., None], -torch.inf)
        heat = ((cosines / self.heat_temperature).softmax(dim=1) * weights).sum(dim=2)
        heat = heat if region_mask is None else heat * region_mask
        return rearrange(heat, 'N (T P) -> N T P', T=frames)


def _unit(features: Tensor) -> Tensor:
    return F.normalize(at_least_float32(features), dim=-1)


def _products(regions: Tensor, texts: Tensor) -> Tensor:
    """Return the dot products of regions and words of each row, (N, R, L) in float32."""
    with torch.autocast(regions.device.type, enabled=False):
        return regions @ texts.mT


def _late_interaction(
    regions: Tensor, texts: Tensor, region_mask: Tensor | None, word_mask: Tensor | None
) -> Tensor:
    """Return the scores of some videos with all texts, (I, J)."""
    with torch.autocast(regions.device.type, enabled=False):
        cosines = torch.einsum('ird,jld->ijrl', regions, texts)
    return _mean_of_best(cosines, region_mask, None if word_mask is None else word_mask[None])


def _mean_of_best(cosines: Tensor, region_mask: Tensor | None, word_mask: Tensor | None) -> Tensor:
    """Return the mean over real words of the best real region, (I, J, R, L) -> (I, J)."""
    if region_mask is not None:
        real = fill_empty(region_mask)[:, None, :, None]
        cosines = cosines.masked_fill(~real, -torch.inf)
    best = cosines.amax(dim=2)  # (I, J, L)
    if region_mask is not None:
        best = best * region_mask.any(dim=1)[:, None, None]
    if word_mask is None:
        return best.mean(dim=2)
    return (best * mean_weights(word_mask, best.dtype)).sum(dim=2)
