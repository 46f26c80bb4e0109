"""The word-space local head equals the plain pairwise form, with any mask, in every use."""

import pytest
import torch

from stgr.models.heads import CrossSelfCrossHead, attention_head
from stgr.registry import MODELS

# videos, texts, frames, patches, words, lengths of the texts, real frames of the videos
CASES = {
    'everything real': (3, 3, 2, 4, 5, [5, 5, 5], [2, 2, 2]),
    'sentences of different lengths': (3, 3, 2, 4, 5, [5, 2, 1], [2, 2, 2]),
    'all sentences shorter than the tensor': (3, 3, 2, 4, 7, [3, 2, 4], [2, 2, 2]),
    'padded frames': (3, 3, 3, 4, 5, [5, 5, 5], [1, 3, 2]),
    'padded words and frames': (3, 3, 3, 4, 5, [2, 5, 3], [1, 3, 2]),
    'one word per text': (2, 2, 2, 4, 1, [1, 1], [2, 1]),
    'one clip': (1, 1, 2, 4, 5, [3], [2]),
    'one region and one word': (1, 1, 1, 1, 1, [1], [1]),
    'more texts than videos': (2, 4, 2, 3, 4, [4, 1, 3, 2], [2, 1]),
}


def make_head(dtype=torch.float64, *, seed=0, **options):
    torch.manual_seed(seed)
    head = CrossSelfCrossHead(6, 5, 8, **options).to(dtype)
    for attention in (head.video_attention, head.text_attention):
        for name, parameter in attention.named_parameters():
            if 'bias' in name:  # zero by default, which would hide a mistake in them
                torch.nn.init.normal_(parameter)
    return head


def make_inputs(name, dtype=torch.float64):
    videos, texts, frames, patches, length, word_counts, frame_counts = CASES[name]
    stream = torch.Generator().manual_seed(1)
    regions = torch.randn(videos, frames * patches, 6, generator=stream, dtype=dtype)
    words = torch.randn(texts, length, 5, generator=stream, dtype=dtype)
    frame_mask = torch.arange(frames) < torch.tensor(frame_counts)[:, None]
    word_mask = torch.arange(length) < torch.tensor(word_counts)[:, None]
    return regions, words, frame_mask.repeat_interleave(patches, dim=1), word_mask


def gradients(score, head, inputs):
    """Return the scores and the gradients of inputs and parameters under uneven weights."""
    patches, words, *masks = inputs
    leaves = [patches.clone().requires_grad_(), words.clone().requires_grad_()]
    scores = score(*leaves, *masks)
    weights = torch.linspace(-1, 2, scores.numel(), dtype=scores.dtype).view_as(scores)
    return [scores, *torch.autograd.grad((scores * weights).sum(), [*leaves, *head.parameters()])]


def assert_close(ours, theirs, tolerance):
    largest = max(float(plain.detach().abs().max()) for plain in theirs[1:])
    for fast, plain in zip(ours, theirs, strict=True):
        # A gradient that is zero in theory (key biases) is compared with the largest of all.
        scale = max(float(plain.detach().abs().max()), 1e-3 * largest)
        assert float((fast - plain).abs().max()) <= tolerance * scale


@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
@pytest.mark.parametrize('name', CASES)
def test_scores_and_gradients_equal_the_plain_form(oracle, name, dtype, tolerance):
    head, inputs = make_head(dtype), make_inputs(name, dtype)

    ours = gradients(head.scores, head, inputs)
    theirs = gradients(lambda *args: oracle.score_pairwise(head, *args), head, inputs)

    assert_close(ours, theirs, tolerance)


@pytest.mark.parametrize('scale_at_eval', [True, False])
@pytest.mark.parametrize('residual_at_eval', [True, False])
def test_evaluation_switches_equal_the_plain_form(oracle, scale_at_eval, residual_at_eval):
    head = make_head(scale_at_eval=scale_at_eval, residual_at_eval=residual_at_eval).eval()
    inputs = make_inputs('padded words and frames')

    ours = gradients(head.scores, head, inputs)
    theirs = gradients(lambda *args: oracle.score_pairwise(head, *args), head, inputs)

    assert_close(ours, theirs, 1e-10)


def test_switches_change_evaluation_only():
    inputs = make_inputs('everything real')
    plain, released = make_head(), make_head(scale_at_eval=False, residual_at_eval=False)

    torch.testing.assert_close(plain.train().scores(*inputs), released.train().scores(*inputs))
    torch.testing.assert_close(plain.eval().scores(*inputs), plain.train().scores(*inputs))
    assert (plain.eval().scores(*inputs) - released.eval().scores(*inputs)).abs().max() > 0.1


@pytest.mark.parametrize('chunk', [1, 2, 3, 99])
def test_chunks_change_neither_scores_nor_gradients(chunk):
    head, inputs = make_head(), make_inputs('padded words and frames')

    chunked = gradients(lambda *args: head.scores(*args, chunk=chunk), head, inputs)

    assert_close(chunked, gradients(head.scores, head, inputs), 1e-12)


def test_pair_scores_are_the_diagonal_with_the_same_gradients():
    head, inputs = make_head(), make_inputs('padded words and frames')

    matched = gradients(head.pair_scores, head, inputs)

    assert_close(
        matched, gradients(lambda *args: head.scores(*args).diagonal(), head, inputs), 1e-12
    )


def test_padding_content_never_matters():
    head, (patches, words, region_mask, word_mask) = (
        make_head(),
        make_inputs('padded words and frames'),
    )
    expected = head.scores(patches, words, region_mask, word_mask)

    patches = patches.masked_fill(~region_mask[..., None], 100)
    words = words.masked_fill(~word_mask[..., None], -100)

    torch.testing.assert_close(head.scores(patches, words, region_mask, word_mask), expected)


def test_padding_equals_its_absence():
    head, (patches, words, region_mask, word_mask) = (
        make_head(),
        make_inputs('padded words and frames'),
    )
    scores = head.scores(patches, words, region_mask, word_mask)
    for i in range(3):
        for j in range(3):
            alone = head.scores(patches[i : i + 1, region_mask[i]], words[j : j + 1, word_mask[j]])
            torch.testing.assert_close(scores[i, j], alone[0, 0])


def test_order_of_regions_and_words_does_not_matter():
    head, (patches, words, _, _) = make_head(), make_inputs('everything real')

    shuffled = head.scores(patches.flip(1), words.roll(2, dims=1))

    torch.testing.assert_close(shuffled, head.scores(patches, words))


def test_text_without_words_and_video_without_frames_score_zero_with_finite_gradients():
    head, (patches, words, region_mask, word_mask) = make_head(), make_inputs('everything real')
    word_mask[1], region_mask[2] = False, False

    scores, *grads = gradients(head.scores, head, (patches, words, region_mask, word_mask))

    assert (scores[:, 1] == 0).all()
    assert (scores[2] == 0).all()
    assert scores[0, 0] != 0
    assert all(grad.isfinite().all() for grad in grads)
    assert (grads[0][2] == 0).all()
    assert (grads[1][1] == 0).all()


def test_batch_of_texts_without_any_word_scores_zero():
    head, (patches, words, region_mask, word_mask) = make_head(), make_inputs('everything real')

    scores = head.scores(patches, words, region_mask, torch.zeros_like(word_mask))

    assert (scores == 0).all()


def test_scores_are_float32_under_autocast():
    head, inputs = make_head(torch.float32), make_inputs('padded words and frames', torch.float32)

    with torch.autocast('cpu', dtype=torch.bfloat16):
        scores = head.scores(*inputs)

    assert scores.dtype == torch.float32
    # The two projections are rounded to bfloat16 (2 ** -9), and nothing else.
    torch.testing.assert_close(scores, head.scores(*inputs), rtol=0.05, atol=0.05)


@pytest.mark.parametrize(
    ('of_call', 'of_head', 'gradient', 'expected'),
    [
        (3, 2, True, 3),
        (None, 2, True, 2),
        (None, None, True, 5),  # 400 numbers, 2 texts * 5 words * 8
        (None, None, False, 1),  # 80 numbers
    ],
)
def test_chunk_comes_from_the_call_then_the_head_then_the_budget(
    monkeypatch, of_call, of_head, gradient, expected
):
    module, chunks = 'stgr.models.heads.attention_head', []
    original = attention_head.pool_pairs
    monkeypatch.setattr(f'{module}.TRAINING_CHUNK', 400)
    monkeypatch.setattr(f'{module}.INFERENCE_CHUNK', 80)
    monkeypatch.setattr(
        f'{module}.pool_pairs',
        lambda *args, chunk, **options: chunks.append(chunk) or original(*args, **options),
    )
    head, (patches, words, *_) = make_head(chunk=of_head), make_inputs('everything real')

    with torch.set_grad_enabled(gradient):
        head.scores(patches, words[:2], chunk=of_call)

    assert chunks == [expected]


@pytest.mark.parametrize('released', [True, False])
@pytest.mark.parametrize('name', CASES)
def test_heat_maps_equal_the_plain_rollout(oracle, name, released):
    videos, _, frames, patches, *_ = CASES[name]
    head = make_head(scale_at_eval=not released, residual_at_eval=not released).eval()
    regions, words, region_mask, word_mask = make_inputs(name)
    words, word_mask = words[:videos], word_mask[:videos]
    grid = (frames, patches)

    heat = head.heatmaps(
        regions.unflatten(1, grid), words, word_mask, region_mask.unflatten(1, grid)
    )

    *_, plain = oracle.run_pairwise(head, regions, words, region_mask, word_mask, keep_maps=True)
    expected = plain.diagonal().T.unflatten(1, grid)
    torch.testing.assert_close(heat, expected, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(heat.sum((1, 2)), torch.ones(videos, dtype=heat.dtype))


def test_heat_maps_accept_a_mask_of_frames_and_one_text_for_all_windows():
    head, (regions, words, region_mask, word_mask) = make_head(), make_inputs('padded frames')
    windows, masks = regions.unflatten(1, (3, 4)), region_mask.unflatten(1, (3, 4))

    one = head.heatmaps(windows, words[:1], word_mask[:1], masks[..., :1])

    repeated = words[:1].expand(3, -1, -1), word_mask[:1].expand(3, -1)
    torch.testing.assert_close(one, head.heatmaps(windows, *repeated, masks))
    assert (one[~masks] == 0).all()


@pytest.mark.parametrize('texts', [1, 3])
def test_chunks_do_not_change_heat_maps(monkeypatch, texts):
    head, (regions, words, region_mask, word_mask) = (
        make_head(),
        make_inputs('padded words and frames'),
    )
    windows = regions.unflatten(1, (3, 4)), words[:texts], word_mask[:texts]
    masks = region_mask.unflatten(1, (3, 4))
    whole = head.heatmaps(*windows, masks)

    monkeypatch.setattr('stgr.models.heads.attention_head.INFERENCE_CHUNK', 120)

    torch.testing.assert_close(head.heatmaps(*windows, masks), whole)


def test_no_windows_and_no_frames_give_empty_results():
    head, (regions, words, _, word_mask) = make_head(), make_inputs('everything real')

    assert head.heatmaps(regions.unflatten(1, (2, 4))[:0], words[:1]).shape == (0, 2, 4)
    assert head.frame_scores(regions[:0], words, word_mask).shape == (3, 0)


def test_frame_scores_are_cosines_of_single_frames(oracle, monkeypatch):
    head, (regions, words, _, word_mask) = (
        make_head(),
        make_inputs('sentences of different lengths'),
    )
    frames = regions.unflatten(1, (2, 4)).flatten(0, 1)  # (6, 4, C)
    everything = torch.ones(6, 4, dtype=torch.bool)
    video, text, _ = oracle.run_pairwise(head, frames, words, everything, word_mask)
    expected = torch.cosine_similarity(video, text, dim=-1).T

    whole = head.frame_scores(frames, words, word_mask)
    monkeypatch.setattr('stgr.models.heads.attention_head.INFERENCE_CHUNK', 1)
    chunked = head.frame_scores(frames, words, word_mask)

    torch.testing.assert_close(whole, expected)
    torch.testing.assert_close(chunked, expected)
    assert not whole.requires_grad


def test_frame_scores_without_cosine_are_the_raw_scores_of_training():
    head, (regions, words, _, word_mask) = make_head(), make_inputs('everything real')
    head.cosine_at_eval = False

    scores = head.frame_scores(regions, words, word_mask)

    torch.testing.assert_close(scores, head.scores(regions, words, None, word_mask).T)


def test_query_without_a_word_has_cosine_zero_and_an_even_heat_map():
    head, (regions, words, _, word_mask) = make_head(), make_inputs('everything real')
    word_mask[1] = False
    windows = regions.unflatten(1, (2, 4))

    assert (head.frame_scores(windows[:, 0], words, word_mask)[1] == 0).all()
    heat = head.heatmaps(windows, words, word_mask)
    torch.testing.assert_close(heat[1], torch.full_like(heat[1], 1 / 8))


def test_head_is_built_from_a_config():
    head = MODELS.build(dict(type='CrossSelfCrossHead', video_dim=6, text_dim=5, dim=8))

    assert isinstance(head, CrossSelfCrossHead)
    assert head.project_video(torch.zeros(2, 6)).shape == (2, 8)
    assert head.project_text(torch.zeros(2, 5)).shape == (2, 8)
