"""CLIPBackbone says what transformers' CLIP says, of all tokens, and keeps frozen weights."""

import pytest
import torch
from torch import nn

from stgr.models.backbones import CLIPBackbone

SENTENCES = ['crack an egg into the bowl', 'flip it over', '']


@pytest.fixture(scope='module')
def backbone(tiny_clip_dir):
    return CLIPBackbone(tiny_clip_dir)


@pytest.fixture
def learner(tiny_clip_dir):
    """One that may be trained, so each test has its own."""
    return CLIPBackbone(tiny_clip_dir, frozen=False)


def encode(backbone, sentences):
    return backbone.encode_text(*backbone.tokenize(sentences))


def test_frame_features_are_those_of_get_image_features(backbone):
    frames = torch.randn(2, 3, 3, 32, 32)
    mask = torch.tensor([[True, True, False], [True, True, True]])

    video = backbone.encode_video(frames, mask)

    expected = backbone.clip.get_image_features(pixel_values=frames.flatten(0, 1)).pooler_output
    torch.testing.assert_close(video.frames.flatten(0, 1), expected, atol=1e-5, rtol=1e-5)
    assert video.mask is mask
    assert (video.grid, video.patches.shape) == ((4, 4), (2, 3, 16, 32))


def test_patches_are_projected_tokens_of_their_own_cell_in_reading_order(backbone):
    frames = torch.randn(1, 1, 3, 32, 32)
    video = backbone.encode_video(frames, torch.ones(1, 1, dtype=torch.bool))

    vision = backbone.clip.vision_model
    tokens = vision(frames[0]).last_hidden_state[0]
    by_hand = [backbone.clip.visual_projection(vision.post_layernorm(t)) for t in tokens[1:]]

    torch.testing.assert_close(video.patches[0, 0], torch.stack(by_hand), atol=1e-5, rtol=1e-5)


def test_a_value_is_what_attention_gives_a_token_that_sees_itself_alone(tiny_clip_dir):
    backbone = CLIPBackbone(tiny_clip_dir, patch_tokens='value')
    frames = torch.randn(2, 1, 3, 32, 32)
    vision = backbone.clip.vision_model
    entering = vision.pre_layrnorm(vision.embeddings(frames[:, 0]))
    *lower, layer = vision.encoder.layers
    for step in lower:
        out = step(entering, attention_mask=None)
        entering = out[0] if isinstance(out, tuple) else out
    alone = torch.full((17, 17), float('-inf')).fill_diagonal_(0.0).expand(2, 1, 17, 17)
    attended, _ = layer.self_attn(layer.layer_norm1(entering), attention_mask=alone)

    video = backbone.encode_video(frames, torch.ones(2, 1, dtype=torch.bool))

    by_hand = backbone.clip.visual_projection(vision.post_layernorm(attended[:, 1:]))
    torch.testing.assert_close(video.patches[:, 0], by_hand, atol=1e-5, rtol=1e-5)


def test_a_value_after_one_layer_knows_nothing_but_its_own_cell(tiny_clip_dir):
    patches = {}
    one = torch.randn(1, 1, 3, 32, 32)
    other = one.clone()
    other[..., 8:, :] = 0.0  # the first row of cells stays
    for kind in ('last', 'value'):
        backbone = CLIPBackbone(tiny_clip_dir, patch_tokens=kind)
        backbone.clip.vision_model.encoder.layers = backbone.clip.vision_model.encoder.layers[:1]
        mask = torch.ones(1, 1, dtype=torch.bool)
        patches[kind] = [backbone.encode_video(f, mask).patches[0, 0] for f in (one, other)]

    torch.testing.assert_close(patches['value'][0][:4], patches['value'][1][:4])
    assert not torch.allclose(patches['value'][0][4:], patches['value'][1][4:], atol=1e-2)
    assert not torch.allclose(patches['last'][0][:4], patches['last'][1][:4], atol=1e-2)


def test_kind_of_patches_changes_the_patches_alone_and_is_part_of_the_fingerprint(
    tiny_clip_dir, backbone
):
    by_value = CLIPBackbone(tiny_clip_dir, patch_tokens='value')
    frames, mask = torch.randn(1, 2, 3, 32, 32), torch.ones(1, 2, dtype=torch.bool)

    one, other = backbone.encode_video(frames, mask), by_value.encode_video(frames, mask)

    torch.testing.assert_close(one.frames, other.frames)
    assert one.patches.shape == other.patches.shape
    assert not torch.allclose(one.patches, other.patches, atol=1e-2)
    assert by_value.fingerprint != backbone.fingerprint


def test_unknown_kind_of_patches_is_refused(tiny_clip_dir):
    with pytest.raises(ValueError, match="patch_tokens must be last or value, not 'key'"):
        CLIPBackbone(tiny_clip_dir, patch_tokens='key')


def test_sentence_features_are_those_of_get_text_features(backbone):
    token_ids, mask = backbone.tokenize(SENTENCES)

    text = backbone.encode_text(token_ids, mask)

    output = backbone.clip.get_text_features(input_ids=token_ids, attention_mask=mask.long())
    torch.testing.assert_close(text.sentence, output.pooler_output, atol=1e-5, rtol=1e-5)


def test_words_are_the_tokens_between_the_marks(backbone):
    text = encode(backbone, SENTENCES)

    for row, sentence in enumerate(SENTENCES):
        ids = torch.tensor([backbone.tokenizer(sentence)['input_ids']])
        assert ids[0, -1] == backbone.tokenizer.eos_token_id
        hidden = backbone.clip.text_model(input_ids=ids).last_hidden_state[0, 1:-1]
        expected = backbone.clip.text_projection(hidden)
        assert int(text.mask[row].sum()) == len(expected)
        torch.testing.assert_close(text.words[row][text.mask[row]], expected, atol=1e-5, rtol=1e-5)


def test_batch_padding_does_not_change_a_sentence(backbone):
    together = encode(backbone, SENTENCES)

    for row, sentence in enumerate(SENTENCES):
        alone = encode(backbone, [sentence])
        words = together.words[row, : alone.words.shape[1]][alone.mask[0]]
        torch.testing.assert_close(together.sentence[row], alone.sentence[0], atol=1e-5, rtol=0)
        torch.testing.assert_close(words, alone.words[0][alone.mask[0]], atol=1e-5, rtol=0)


def test_empty_sentence_has_no_word_and_finite_features(backbone):
    text = encode(backbone, [''])

    assert not text.mask.any()
    assert bool(text.sentence.isfinite().all())


def test_words_are_limited_but_the_sentence_is_that_of_the_whole_text(tiny_clip_dir, backbone):
    sentence = 'pour the milk in slowly'
    short = CLIPBackbone(tiny_clip_dir, max_words=3)

    cut, whole = encode(short, [sentence]), encode(backbone, [sentence])

    assert int(whole.mask.sum()) > 3
    assert cut.words.shape[1] == int(cut.mask.sum()) == 3
    torch.testing.assert_close(cut.words, whole.words[:, :3])
    torch.testing.assert_close(cut.sentence, whole.sentence)


def test_no_sentence_is_longer_than_the_position_table(tiny_clip_dir):
    token_ids, mask = CLIPBackbone(tiny_clip_dir).tokenize(['crack an egg ' * 30])

    assert token_ids.shape == (1, 24)
    assert bool(mask.all())


def test_frozen_encoder_has_no_gradient_and_never_trains(tiny_clip_dir):
    backbone = CLIPBackbone(tiny_clip_dir)

    nn.Sequential(backbone).train()

    assert not any(module.training for module in backbone.modules())
    assert not any(parameter.requires_grad for parameter in backbone.parameters())
    frames = torch.randn(1, 1, 3, 32, 32, requires_grad=True)
    video = backbone.encode_video(frames, torch.ones(1, 1, dtype=torch.bool))
    assert not video.frames.requires_grad
    assert not encode(backbone, ['flip it over']).words.requires_grad


def test_frozen_encoder_is_no_part_of_checkpoints_and_they_load_strictly(tiny_clip_dir):
    model = nn.ModuleDict({'backbone': CLIPBackbone(tiny_clip_dir), 'head': nn.Linear(2, 2)})
    before = model['backbone'].clip.logit_scale.clone()

    state = model.state_dict()

    assert set(state) == {'backbone.fingerprint', 'head.weight', 'head.bias'}
    model.load_state_dict(state, strict=True)
    assert model['backbone'].clip.logit_scale == before
    with pytest.raises(RuntimeError, match=r'head\.bias'):
        model.load_state_dict({'head.weight': state['head.weight']}, strict=True)


def test_frozen_encoder_leaves_its_fingerprint_in_checkpoints(tiny_clip_dir):
    backbone = CLIPBackbone(tiny_clip_dir)

    (name, value), *rest = backbone.state_dict().items()

    assert (name, rest) == ('fingerprint', [])
    assert bytes(value.tolist()).hex() == backbone.fingerprint


def test_fingerprint_follows_the_weights(tiny_clip_dir):
    backbone = CLIPBackbone(tiny_clip_dir, frozen=False)
    before = backbone.fingerprint
    backbone.clip.logit_scale.data += 1

    assert backbone.fingerprint != before


def test_encoder_that_learns_has_gradients_and_trains(learner):
    learner.train()
    video = learner.encode_video(torch.randn(1, 1, 3, 32, 32), torch.ones(1, 1, dtype=torch.bool))
    (video.patches.sum() + encode(learner, ['flip it over']).words.sum()).backward()

    assert learner.clip.vision_model.training
    assert learner.clip.visual_projection.weight.grad.abs().sum() > 0
    assert learner.clip.text_model.embeddings.token_embedding.weight.grad.abs().sum() > 0


def test_encoder_that_learns_is_in_checkpoints_and_comes_back(learner, tiny_clip_dir):
    with torch.no_grad():
        learner.clip.visual_projection.weight.add_(1)
    other = CLIPBackbone(tiny_clip_dir, frozen=False)

    other.load_state_dict(learner.state_dict(), strict=True)

    assert 'clip.visual_projection.weight' in learner.state_dict()
    assert torch.equal(other.clip.visual_projection.weight, learner.clip.visual_projection.weight)


def test_preprocessing_facts_come_from_the_weights(backbone):
    assert (backbone.image_size, backbone.video_dim, backbone.text_dim) == (32, 32, 32)
    assert backbone.mean == pytest.approx((0.4815, 0.4578, 0.4082), abs=1e-4)
    assert backbone.std == pytest.approx((0.2686, 0.2613, 0.2758), abs=1e-4)
