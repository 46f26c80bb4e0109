"""The local head written down as the paper and the released code say it, with huge tensors.

Slow on purpose: (B, B, R, L, D) products in the cross-attentions and ``nn.MultiheadAttention`` on
(B * B, R, D) in the middle. It is the oracle of the tests and the rival of the benchmark.
"""

import torch


def cross_attend(video, text, region_mask, word_mask, scale, repeated=False):
    """Exchange content between (B, B, R, D) regions and (B, B, L, D) words; no weights.

    ``repeated`` copies both to (B, B, R, L, D) first, as the released code does.
    """
    video, text = video[:, :, :, None, :], text[:, :, None, :, :]
    if repeated:
        video, text = (each.contiguous() for each in torch.broadcast_tensors(video, text))
    products = video * text  # (B, B, R, L, D)
    scores = products.sum(-1) * scale  # (B, B, R, L)
    to_words = scores.masked_fill(~word_mask[None, :, None, :], -torch.inf).softmax(-1)
    to_regions = scores.masked_fill(~region_mask[:, None, :, None], -torch.inf).softmax(-2)
    new_video = (to_words[..., None] * text).sum(3)
    new_text = (to_regions[..., None] * video).sum(2)
    return new_video, new_text, to_words, to_regions


def self_attend(tokens, attention, mask):
    """Return tokens + attention(tokens) of (B, B, K, D) tokens, and the map (B, B, K, K)."""
    flat = tokens.flatten(0, 1)
    padding = ~mask.expand(tokens.shape[:3]).flatten(0, 1)
    mixed, weights = attention(flat, flat, flat, key_padding_mask=padding)
    return tokens + mixed.view_as(tokens), weights.unflatten(0, tokens.shape[:2])


def masked_mean(tokens, mask):
    """Return the mean over the real tokens of (B, B, K, D)."""
    return (tokens * mask[..., None]).sum(2) / mask.sum(-1)[..., None]


def run_pairwise(head, patches, words, region_mask, word_mask, *, keep_maps=False, repeated=False):
    """Return pooled video and text of all pairs, (B, B, D) each, and the released heat map."""
    scale = head.dim**-0.5 if head.training or head.scale_at_eval else 1.0
    residual = head.training or head.residual_at_eval
    shape = len(patches), len(words)
    video = head.project_video(patches)[:, None].expand(*shape, -1, -1)
    text = head.project_text(words)[None].expand(*shape, -1, -1)

    video, text, _, first_map = cross_attend(video, text, region_mask, word_mask, scale, repeated)
    video, _ = self_attend(video, head.video_attention, region_mask[:, None])
    text, text_map = self_attend(text, head.text_attention, word_mask[None])
    new_video, new_text, second_map, _ = cross_attend(
        video, text, region_mask, word_mask, scale, repeated
    )
    if residual:
        new_video, new_text = new_video + video, new_text + text

    pooled_video = masked_mean(new_video, region_mask[:, None])
    pooled_text = masked_mean(new_text, word_mask[None])
    if not keep_maps:
        return pooled_video, pooled_text, None
    rollout = second_map @ text_map @ first_map.transpose(-1, -2)  # (B, B, R, R)
    heat = masked_mean(rollout, region_mask[:, None])  # (B, B, R)
    return pooled_video, pooled_text, heat


def score_pairwise(head, patches, words, region_mask, word_mask, repeated=False):
    """Return the raw score of each video with each text, (B, B), rows are videos."""
    video, text, _ = run_pairwise(head, patches, words, region_mask, word_mask, repeated=repeated)
    return (video * text).sum(-1)
