"""SiglipBackbone says what transformers' SigLIP says, and embeds a patch as if it stood alone."""

import json
import shutil

import pytest
import torch

from stgr.models.backbones import SiglipBackbone
from stgr.models.backbones.clip_loading import load_clip, load_siglip, read_kind

SENTENCES = ['crack an egg into the bowl', 'Flip it OVER']


@pytest.fixture(scope='module')
def backbone(tiny_siglip_dir):
    return SiglipBackbone(tiny_siglip_dir)


def test_frames_and_sentences_are_those_of_transformers(backbone):
    frames = torch.randn(2, 3, 3, 32, 32)
    video = backbone.encode_video(frames, torch.ones(2, 3, dtype=torch.bool))
    token_ids, mask = backbone.tokenize(SENTENCES)
    text = backbone.encode_text(token_ids, mask)

    model = backbone.siglip
    pictures = model.get_image_features(pixel_values=frames.flatten(0, 1)).pooler_output
    sentences = model.get_text_features(input_ids=token_ids).pooler_output
    torch.testing.assert_close(video.frames.flatten(0, 1), pictures, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(text.sentence, sentences)
    assert token_ids.shape == (2, 12)  # padding counts
    assert text.mask.sum(dim=1).tolist() == [6, 3]
    assert (video.grid, video.patches.shape) == ((4, 4), (2, 3, 16, 32))


def test_a_patch_is_what_the_pooling_head_makes_of_it_alone(backbone):
    frames = torch.randn(1, 1, 3, 32, 32)
    tokens = backbone.siglip.vision_model(frames[0]).last_hidden_state[0]

    video = backbone.encode_video(frames, torch.ones(1, 1, dtype=torch.bool))

    by_hand = torch.cat([backbone.siglip.vision_model.head(token[None, None]) for token in tokens])
    torch.testing.assert_close(video.patches[0, 0], by_hand, atol=1e-5, rtol=1e-5)


def test_equal_patches_together_are_what_each_of_them_is(backbone):
    token = torch.randn(1, 32)

    together = backbone.pool_patches(token.expand(16, 32)[None])

    torch.testing.assert_close(together, backbone.embed_tokens(token), atol=1e-5, rtol=1e-5)


def test_states_are_those_between_the_layers(backbone):
    pictures = torch.randn(2, 3, 32, 32)
    states = backbone.vision_states(pictures)

    assert len(states) == 3
    for layer, before, after in zip(backbone.vision_layers, states, states[1:], strict=False):
        torch.testing.assert_close(layer(before, attention_mask=None), after)
    out = backbone.siglip.vision_model(pictures)
    torch.testing.assert_close(
        backbone.embed_picture(states[-1]), out.pooler_output, atol=1e-5, rtol=1e-5
    )


def test_text_is_lower_cased_and_cut_tokens_are_counted(backbone):
    upper, _ = backbone.tokenize(['FLIP IT OVER'])
    lower, _ = backbone.tokenize(['flip it over'])

    assert upper.equal(lower)
    assert backbone.tokens_cut(['flip it over', 'an egg ' * 8]) == [0, 5]


def test_kinds_are_told_apart(tiny_siglip_dir, tiny_clip_dir, tmp_path):
    assert (read_kind(tiny_siglip_dir), read_kind(tiny_clip_dir)) == ('siglip', 'clip')
    with pytest.raises(ValueError, match=r"no CLIP: .*'siglip', expected 'clip'"):
        load_clip(tiny_siglip_dir)
    with pytest.raises(ValueError, match=r"no SigLIP: .*'clip', expected 'siglip'"):
        load_siglip(tiny_clip_dir)


@pytest.mark.parametrize(
    ('kind', 'told'), [('siglip2', 'siglip2-base-patch16-224'), ('bert', 'expected one of clip')]
)
def test_other_kinds_are_refused_with_what_to_use(tiny_clip_dir, tmp_path, kind, told):
    folder = tmp_path / 'other'
    shutil.copytree(tiny_clip_dir, folder)
    (folder / 'config.json').write_text(json.dumps({'model_type': kind}))

    with pytest.raises(ValueError, match=told):
        read_kind(folder)
