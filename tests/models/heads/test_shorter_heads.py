"""The stacks of Table 8 equal plain attention pair by pair, and their heat maps plain rollouts."""

import pytest
import torch

from stgr.models.heads import CrossCrossHead, CrossSelfCrossHead, CrossSelfHead, SelfCrossHead

KINDS = [CrossSelfHead, SelfCrossHead, CrossCrossHead, CrossSelfCrossHead]
LENGTHS, REGIONS = (4, 1, 3), (6, 2, 5)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def head(request):
    torch.manual_seed(0)
    head = request.param(6, 5, 8).double()
    for name, parameter in head.named_parameters():
        if 'bias' in name:
            torch.nn.init.normal_(parameter)
    return head


@pytest.fixture
def batch():
    stream = torch.Generator().manual_seed(1)
    patches = torch.randn(3, 6, 6, generator=stream, dtype=torch.float64)
    words = torch.randn(3, 4, 5, generator=stream, dtype=torch.float64)
    region_mask = torch.arange(6) < torch.tensor(REGIONS)[:, None]
    return patches, words, region_mask, torch.arange(4) < torch.tensor(LENGTHS)[:, None]


def attend_self(attention, tokens):
    mixed, weights = attention(tokens[None], tokens[None], tokens[None])
    return tokens + mixed[0], weights[0]


def attend_cross(video, text, scale):
    scores = video @ text.T * scale
    over_words, over_regions = scores.softmax(1), scores.T.softmax(1)
    return over_words @ text, over_regions @ video, over_words, over_regions


def run_pair(head, video, text):
    """Return both streams at the end and the rollout, (R,), of one video and one text."""
    scale = head.scale
    video, text = head.video_proj(video), head.text_proj(text)
    eye = torch.eye(len(text), dtype=text.dtype)
    if isinstance(head, SelfCrossHead):
        video, video_map = attend_self(head.video_attention, video)
        text, _ = attend_self(head.text_attention, text)
        video, text, _, back = attend_cross(video, text, scale)
        identity = torch.eye(video.shape[0], dtype=video.dtype)
        kept = (video_map + identity) / 2 if head.identity_in_heat else video_map
        return video, text, (back @ kept).mean(0)
    video, text, _, back = attend_cross(video, text, scale)
    text_map = eye
    if isinstance(head, CrossSelfHead):
        video, _ = attend_self(head.video_attention, video)
        text, text_map = attend_self(head.text_attention, text)
        text_map = (text_map + eye) / 2 if head.identity_in_heat else text_map
    if type(head) is CrossSelfHead:
        return video, text, (text_map @ back).mean(0)
    new_video, new_text, over_words, _ = attend_cross(video, text, scale)
    if head.residual:
        new_video, new_text = new_video + video, new_text + text
    return new_video, new_text, (over_words @ text_map @ back).mean(0)


@pytest.mark.parametrize('released', [False, True])
def test_scores_equal_plain_attention_pair_by_pair(head, batch, released):
    patches, words, region_mask, word_mask = batch
    if released:
        head.eval()
        head.scale_at_eval = head.residual_at_eval = False

    found = head.scores(patches, words, region_mask, word_mask)

    for i, regions in enumerate(REGIONS):
        for j, length in enumerate(LENGTHS):
            video, text, _ = run_pair(head, patches[i, :regions], words[j, :length])
            torch.testing.assert_close(found[i, j], video.mean(0) @ text.mean(0))


def test_gradients_equal_those_of_plain_attention(head, batch):
    patches, words, region_mask, word_mask = batch
    weights = torch.arange(9.0, dtype=torch.float64).view(3, 3)

    found = torch.autograd.grad(
        (head.scores(patches, words, region_mask, word_mask) * weights).sum(), head.parameters()
    )

    total = 0.0
    for i, regions in enumerate(REGIONS):
        for j, length in enumerate(LENGTHS):
            video, text, _ = run_pair(head, patches[i, :regions], words[j, :length])
            total = total + weights[i, j] * (video.mean(0) @ text.mean(0))
    for ours, plain in zip(found, torch.autograd.grad(total, head.parameters()), strict=True):
        torch.testing.assert_close(ours, plain, atol=1e-9, rtol=1e-7)


@pytest.mark.parametrize('identity', [False, True])
def test_heat_maps_equal_plain_rollouts(head, batch, identity):
    if identity and isinstance(head, CrossCrossHead):
        pytest.skip('it has no self-attention')
    head.eval().identity_in_heat = identity
    patches, words, region_mask, word_mask = batch

    found = head.heatmaps(patches[:, None], words, word_mask, region_mask[:, None])

    for i, (regions, length) in enumerate(zip(REGIONS, LENGTHS, strict=True)):
        _, _, heat = run_pair(head, patches[i, :regions], words[i, :length])
        torch.testing.assert_close(found[i, 0, :regions], heat)
        assert (found[i, 0, regions:] == 0).all()
        assert float(heat.detach().sum()) == pytest.approx(1)


def test_cosine_in_training_compares_directions(head, batch):
    patches, words, region_mask, word_mask = batch
    video, text = head.pooled(patches, words, region_mask, word_mask)
    head.cosine_in_training = True

    found = head.scores(patches, words, region_mask, word_mask)

    expected = (video * text).sum(-1) / video.norm(dim=-1) / text.norm(dim=-1)
    torch.testing.assert_close(found, expected)


def test_a_stack_without_self_attention_has_no_residual_of_it_to_count():
    with pytest.raises(ValueError, match='identity_in_heat counts the residual'):
        CrossCrossHead(4, 4, 4, identity_in_heat=True)
