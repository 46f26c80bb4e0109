"""A training step is what its docstring says, redone with the parts; inference likewise."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapper

from stgr.models.grounders.patch_similarity import patch_similarity_maps
from stgr.structures.features import VideoFeatures


def prepared(grounder, clips):
    return grounder.data_preprocessor(clips)['inputs']


def encoded(grounder, inputs):
    video = grounder.backbone.encode_video(inputs['frames'], inputs['frame_mask'])
    return video, grounder.backbone.encode_text(inputs['token_ids'], inputs['token_mask'])


def stored(grounder, inputs):
    """The same batch as it comes from a feature store."""
    video, _ = encoded(grounder, inputs)
    rest = {key: value for key, value in inputs.items() if key != 'frames'}
    return {**rest, 'frame_features': video.frames, 'patch_features': video.patches}


def best_two(cosines, mask):
    """The two most similar real frames of each clip, in time; one where there is only one."""
    chosen = []
    for row, real in zip(cosines.tolist(), mask.tolist(), strict=True):
        frames = [u for u in range(len(row)) if real[u]]
        chosen.append(sorted(sorted(frames, key=lambda u: -row[u])[:2]))
    return chosen


def mms_by_hand(scores):
    """Eq. 1 with a margin of 0.1."""
    shifted, diagonal = scores - 0.1 * torch.eye(len(scores)), torch.arange(len(scores))
    return F.cross_entropy(shifted, diagonal) + F.cross_entropy(shifted.T, diagonal)


def chosen_by_hand(grounder, video, text):
    head = grounder.global_head
    frames, sentence = head.video_proj(video.frames), head.text_proj(text.sentence)
    return best_two(F.cosine_similarity(frames, sentence[:, None], dim=-1), video.mask)


def test_global_loss_equals_heads_and_loss_by_hand(grounder, clips):
    inputs = prepared(grounder, clips)
    video, text = encoded(grounder, inputs)
    head, chosen = grounder.global_head, chosen_by_hand(grounder, video, text)
    means = [head.video_proj(video.frames[b, chosen[b]]).mean(dim=0) for b in range(3)]
    scores = torch.stack(means) @ head.text_proj(text.sentence).T

    losses = grounder.loss(inputs)

    torch.testing.assert_close(losses['loss_global'], mms_by_hand(scores), atol=1e-5, rtol=1e-5)


def test_local_loss_equals_head_pair_by_pair(grounder, clips):
    inputs = prepared(grounder, clips)
    video, text = encoded(grounder, inputs)
    chosen, scores = chosen_by_hand(grounder, video, text), torch.zeros(3, 3)
    for b in range(3):
        patches = video.patches[b, chosen[b]].reshape(1, -1, 32)
        for c in range(3):
            words = text.words[c][text.mask[c]][None]
            scores[b, c] = grounder.local_head.pair_scores(patches, words).item()

    losses = grounder.loss(inputs)

    torch.testing.assert_close(
        losses['loss_local'].detach(), mms_by_hand(scores), atol=1e-5, rtol=1e-5
    )


def test_padding_frames_and_padding_words_change_no_loss(grounder, clips):
    inputs = prepared(grounder, clips)
    noise = torch.randn(3, 3, 3, 32, 32)
    padded = {
        'frames': torch.cat([inputs['frames'], noise], dim=1),
        'frame_mask': F.pad(inputs['frame_mask'], (0, 3)),
        'token_ids': F.pad(inputs['token_ids'], (0, 2), value=5),
        'token_mask': F.pad(inputs['token_mask'], (0, 2)),
    }

    expected, found = grounder.loss(inputs), grounder.loss(padded)

    for name in ('loss_global', 'loss_local'):
        torch.testing.assert_close(found[name], expected[name], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(('frozen', 'key'), [(True, 'patch_features'), (False, 'frames')])
def test_candidates_that_were_not_selected_get_no_gradient(make_grounder, clips, frozen, key):
    grounder = make_grounder(frozen=frozen)
    inputs = prepared(grounder, clips)
    with torch.no_grad():
        inputs = stored(grounder, inputs) if frozen else inputs
        video = grounder.stored_or_encoded(inputs)
        text = grounder.backbone.encode_text(inputs['token_ids'], inputs['token_mask'])
        selection = grounder.select(video, text)
    inputs[key] = inputs[key].clone().requires_grad_()

    sum(grounder.loss(inputs).values()).backward()

    moved = inputs[key].grad.flatten(2).abs().sum(dim=2) > 0
    assert moved.nonzero().tolist() == [
        [b, u] for b in range(3) for u in sorted(set(selection.indices[b].tolist()))
    ]


def test_selection_has_no_gradient(make_grounder, clips):
    grounder = make_grounder(frozen=False)
    video, text = encoded(grounder, prepared(grounder, clips))

    selection = grounder.select(video, text)

    assert video.frames.requires_grad
    assert not selection.weights.requires_grad


def test_pictures_are_encoded_again_only_where_their_encoder_learns(make_grounder, clips):
    for frozen, expected in (({'vision': True, 'text': False}, 1), (False, 2)):
        grounder = make_grounder(frozen=frozen)
        encode, calls = grounder.backbone.encode_video, []
        grounder.backbone.encode_video = lambda *args: calls.append(1) or encode(*args)  # noqa: B023

        grounder.loss(prepared(grounder, clips))

        assert len(calls) == expected


def test_stored_features_give_the_losses_of_pixels(grounder, clips):
    inputs = prepared(grounder, clips)

    expected, found = grounder.loss(inputs), grounder.loss(stored(grounder, inputs))

    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-5, rtol=1e-5)


def test_each_branch_can_be_left_out_but_not_both(make_grounder, grounder, clips):
    inputs = prepared(grounder, clips)
    only_global = make_grounder(local_head=None).loss(inputs)
    only_local = make_grounder(global_head=None)

    assert set(only_global) == {'loss_global'}
    torch.testing.assert_close(only_global['loss_global'], grounder.loss(inputs)['loss_global'])
    assert set(only_local.loss(inputs)) == {'loss_local'}
    assert only_local.similarity_needs_patches
    assert not grounder.similarity_needs_patches
    with pytest.raises(ValueError, match='global_head, a local_head or both, but got neither'):
        make_grounder(global_head=None, local_head=None)


def test_without_global_head_frames_are_selected_by_raw_features(make_grounder, clips):
    grounder = make_grounder(global_head=None)
    video, text = encoded(grounder, prepared(grounder, clips))
    cosines = F.cosine_similarity(video.frames, text.sentence[:, None], dim=-1)

    selection = grounder.select(video, text)

    kept = zip(selection.indices, selection.mask, strict=True)
    assert [row[real].tolist() for row, real in kept] == best_two(cosines, video.mask)


def test_candidates_can_be_averaged_and_raw_features_selected_by(make_grounder, clips):
    """The released code: the global branch sees all candidates, selection no projection."""
    grounder = make_grounder(global_frames='candidates', select_projected=False)
    inputs = prepared(grounder, clips)
    video, text = encoded(grounder, inputs)
    head = grounder.global_head
    means = [head.video_proj(video.frames[b, video.mask[b]]).mean(dim=0) for b in range(3)]
    scores = torch.stack(means) @ head.text_proj(text.sentence).T
    cosines = F.cosine_similarity(video.frames, text.sentence[:, None], dim=-1)

    losses, selection = grounder.loss(inputs), grounder.select(video, text)

    torch.testing.assert_close(losses['loss_global'], mms_by_hand(scores), atol=1e-5, rtol=1e-5)
    kept = zip(selection.indices, selection.mask, strict=True)
    assert [row[real].tolist() for row, real in kept] == best_two(cosines, video.mask)


def test_patches_can_select_and_stand_for_frames(make_grounder, clips):
    head = {'type': 'GlobalHead', 'dim': 8, 'video': 'patches'}
    by_patches = {'type': 'TopKSelector', 'count': 2, 'video': 'patches'}
    grounder = make_grounder(global_head=head, selector=by_patches)
    video, text = encoded(grounder, prepared(grounder, clips))
    project = grounder.global_head.video_proj
    sentence = grounder.global_head.text_proj(text.sentence)[:, None, None]
    cosines = F.cosine_similarity(project(video.patches), sentence, dim=-1).mean(dim=2)

    selection = grounder.select(video, text)

    kept = zip(selection.indices, selection.mask, strict=True)
    assert [row[real].tolist() for row, real in kept] == best_two(cosines, video.mask)
    assert grounder.similarity_needs_patches
    one = VideoFeatures(video.frames[:1], video.patches[:1], video.mask[:1], video.grid)
    expected = F.cosine_similarity(project(video.patches[0, 1].mean(0)), sentence[2, 0, 0], dim=0)
    found = grounder.similarity(one, text)[2, 1]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('name', ['global_frames', 'local_negatives'])
def test_unknown_names_are_refused_with_the_known_ones(make_grounder, name):
    with pytest.raises(ValueError, match=f"{name} must be one of .* but got 'few'"):
        make_grounder(**{name: 'few'})


def test_local_weight_multiplies_the_local_loss_only(make_grounder, grounder, clips):
    inputs = prepared(grounder, clips)

    plain, heavy = grounder.loss(inputs), make_grounder(local_weight=3.0).loss(inputs)

    torch.testing.assert_close(heavy['loss_local'], 3 * plain['loss_local'])
    torch.testing.assert_close(heavy['loss_global'], plain['loss_global'])


def test_a_training_step_moves_the_heads_and_nothing_else(make_grounder, clips):
    grounder = make_grounder().train()
    before = {name: value.clone() for name, value in grounder.named_parameters()}
    optimizer = torch.optim.SGD(grounder.parameters(), lr=1.0)

    logged = grounder.train_step(clips, OptimWrapper(optimizer))

    moved = {n for n, value in grounder.named_parameters() if not torch.equal(value, before[n])}
    assert moved == {n for n in before if not n.startswith('backbone.')} - still(moved)
    assert {'loss_global', 'loss_local', 'loss'} <= set(logged)


def still(moved):
    """Biases that shift all scores of a softmax alike have no gradient worth a step."""
    allowed = {f'local_head.{m}_attention.in_proj_bias' for m in ('video', 'text')}
    allowed |= {'local_head.text_attention.out_proj.bias', 'global_head.video_proj.bias'}
    allowed |= {'local_head.video_attention.out_proj.bias', 'global_head.text_proj.bias'}
    return allowed - moved


def test_a_training_step_moves_a_backbone_that_learns(make_grounder, clips):
    grounder = make_grounder(frozen=False).train()
    weight = grounder.backbone.clip.visual_projection.weight
    before = weight.detach().clone()

    grounder.train_step(clips, OptimWrapper(torch.optim.SGD(grounder.parameters(), lr=1.0)))

    assert not torch.equal(weight, before)


def test_similarity_is_the_cosine_of_the_global_projections(grounder, clips):
    video, text = encoded(grounder, prepared(grounder, clips))
    one = VideoFeatures(video.frames[:1], video.patches[:1], video.mask[:1], video.grid)
    head = grounder.global_head

    similarity = grounder.similarity(one, text)

    for q in range(3):
        for f in range(5):
            expected = F.cosine_similarity(
                head.video_proj(video.frames[0, f]), head.text_proj(text.sentence[q]), dim=0
            )
            assert similarity[q, f].item() == pytest.approx(expected.item(), abs=1e-5)


def test_without_global_head_frames_are_scored_by_the_local_head(make_grounder, clips):
    grounder = make_grounder(global_head=None).eval()
    video, text = encoded(grounder, prepared(grounder, clips))
    one = VideoFeatures(video.frames[:1], video.patches[:1], video.mask[:1], video.grid)

    expected = grounder.local_head.frame_scores(video.patches[0], text.words, text.mask)

    torch.testing.assert_close(grounder.similarity(one, text), expected)


def test_without_local_head_patches_are_located_by_global_projections(make_grounder, clips):
    grounder = make_grounder(local_head=None)
    video, text = encoded(grounder, prepared(grounder, clips))
    head, patches = grounder.global_head, video.patches[:, :1]

    maps = grounder.heatmaps(patches, text)

    expected = patch_similarity_maps(head.video_proj(patches), head.text_proj(text.sentence))
    torch.testing.assert_close(maps, expected)
    torch.testing.assert_close(maps.sum(dim=2), torch.ones(3, 1))
