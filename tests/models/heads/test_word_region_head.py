"""Late interaction equals loops over words and patches."""

import pytest
import torch
import torch.nn.functional as F

from stgr.models.heads import WordRegionHead

LENGTHS, REGIONS = (4, 1, 3), (6, 2, 5)


@pytest.fixture
def head():
    torch.manual_seed(0)
    return WordRegionHead(6, 5, 8, heat_temperature=0.5)


@pytest.fixture
def batch():
    stream = torch.Generator().manual_seed(1)
    patches = torch.randn(3, 6, 6, generator=stream)
    words = torch.randn(3, 4, 5, generator=stream)
    region_mask = torch.arange(6) < torch.tensor(REGIONS)[:, None]
    return patches, words, region_mask, torch.arange(4) < torch.tensor(LENGTHS)[:, None]


def score_by_hand(head, patches, words):
    patches, words = head.video_proj(patches), head.text_proj(words)
    best = [max(F.cosine_similarity(p, w, dim=0).item() for p in patches) for w in words]
    return sum(best) / len(best)


@pytest.mark.parametrize('chunk', [None, 1, 2])
def test_scores_are_means_over_words_of_their_best_patch(head, batch, chunk):
    patches, words, *masks = batch

    found = head.scores(patches, words, *masks, chunk=chunk)

    for i, regions in enumerate(REGIONS):
        for j, length in enumerate(LENGTHS):
            expected = score_by_hand(head, patches[i, :regions], words[j, :length])
            assert found[i, j].item() == pytest.approx(expected, abs=1e-5)


def test_chunks_do_not_change_the_gradient(head, batch):
    whole, parts = (
        torch.autograd.grad(head.scores(*batch, chunk=chunk).square().sum(), head.parameters())
        for chunk in (None, 1)
    )
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other)


def test_pair_scores_are_the_diagonal_and_frame_scores_single_frames(head, batch):
    patches, words, _, word_mask = batch

    torch.testing.assert_close(head.pair_scores(*batch), head.scores(*batch).diagonal())
    found = head.frame_scores(patches, words, word_mask)
    assert found[2, 1].item() == pytest.approx(
        score_by_hand(head, patches[1], words[2, :3]), abs=1e-5
    )


def test_heat_is_the_mean_softmax_of_the_real_words(head, batch):
    patches, words, region_mask, word_mask = batch

    found = head.heatmaps(patches[:, None], words, word_mask, region_mask[:, None])

    for i, (regions, length) in enumerate(zip(REGIONS, LENGTHS, strict=True)):
        one = F.normalize(head.video_proj(patches[i, :regions]), dim=-1)
        other = F.normalize(head.text_proj(words[i, :length]), dim=-1)
        expected = (one @ other.T / 0.5).softmax(0).mean(1)
        torch.testing.assert_close(found[i, 0, :regions], expected)
        assert (found[i, 0, regions:] == 0).all()


def test_nothing_real_scores_zero_and_looks_everywhere_alike(head, batch):
    patches, words, region_mask, word_mask = batch
    word_mask[0], region_mask[1] = False, False

    scores = head.scores(patches, words, region_mask, word_mask)
    heat = head.heatmaps(patches[:1, None], words[:1], word_mask[:1])

    assert (scores[:, 0] == 0).all()
    assert (scores[1] == 0).all()
    torch.testing.assert_close(heat, torch.full((1, 1, 6), 1 / 6))


def test_scores_are_float32_under_autocast(head, batch):
    patches, words, _, word_mask = batch
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert head.scores(*batch).dtype == torch.float32
        assert head.pair_scores(*batch).dtype == torch.float32
        assert head.frame_scores(patches, words, word_mask).dtype == torch.float32
        assert head.heatmaps(patches[:, None], words, word_mask).dtype == torch.float32


def test_temperature_out_of_range_is_refused():
    with pytest.raises(ValueError, match='heat_temperature must be > 0, but got 0'):
        WordRegionHead(4, 4, 4, heat_temperature=0)
