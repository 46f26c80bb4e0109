"""Heat maps without a local head: how much each patch looks like the text."""

import torch.nn.functional as F
from torch import Tensor


def patch_similarity_maps(patch_embeds: Tensor, text_embeds: Tensor) -> Tensor:
    """Return the cosines of patches and text as a map that sums to 1.

    Args:
        patch_embeds: Patches in the shared space, (N, T, P, D).
        text_embeds: One text per window of T frames, (N, D), or one for all, (1, D).

    Returns:
        Cosines shifted so that the least similar patch is 0, scaled to sum to 1 in each frame,
        (N, T, P) float32; uniform where all patches are alike.
    """
    patches = F.normalize(patch_embeds.float(), dim=-1)
    texts = F.normalize(text_embeds.float(), dim=-1)
    cosine = (patches * texts[:, None, None]).sum(dim=-1)
    shifted = cosine - cosine.min(dim=-1, keepdim=True).values + 1e-12
    return shifted / shifted.sum(dim=-1, keepdim=True)
