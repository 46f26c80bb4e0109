"""The path beside the model is GEM's: by a slow oracle, and the model itself where it has none."""

import pytest
import torch
import torch.nn.functional as F

from stgr.models.backbones import CLIPBackbone, SelfSelfAttentionBackbone, SiglipBackbone
from stgr.models.backbones.clip_loading import read_kind

MASK = torch.ones(2, 1, dtype=torch.bool)


@pytest.fixture(params=['clip', 'siglip'])
def source(request, tiny_clip_dir, tiny_siglip_dir):
    return {'clip': tiny_clip_dir, 'siglip': tiny_siglip_dir}[request.param]


def plain(source):
    kind = {'clip': CLIPBackbone, 'siglip': SiglipBackbone}[read_kind(source)]
    return kind(source)


def slow_gem(encoder, pictures, weights, iterations=1):
    """GEM picture by picture and head by head, before norm and projection, without prefix."""
    depth = len(weights) - 1
    out = []
    for picture in pictures:
        states = [state[0] for state in encoder.vision_states(picture[None])]
        first = len(states) - 1 - depth
        total = weights[0] * states[first]
        for weight, i in zip(weights[1:], range(first, len(states) - 1), strict=True):
            layer = encoder.vision_layers[i]
            x, heads = layer.layer_norm1(states[i]), layer.self_attn.num_heads
            width = x.shape[-1] // heads
            inverse = sum(float(token.norm()) for token in x) / len(x) / width**0.5
            projected = [p(x) for p in (layer.self_attn.q_proj, layer.self_attn.k_proj)]
            values = layer.self_attn.v_proj(x)
            joined = []
            for h in range(heads):
                part = slice(h * width, (h + 1) * width)
                sums = torch.zeros(len(x), width)
                for tokens in (*projected, values):
                    t = F.normalize(tokens[:, part], dim=1)
                    for _ in range(iterations):
                        t = F.normalize(torch.softmax(t @ t.T * inverse, dim=1) @ t, dim=1)
                    sums += torch.softmax(t @ t.T * inverse, dim=1) @ values[:, part]
                joined.append(sums / 3)
            total = total + weight * layer.self_attn.out_proj(torch.cat(joined, dim=1))
        out.append(total[encoder.prefix_tokens :])
    return torch.stack(out)


def test_without_a_path_patches_are_those_of_the_model(source):
    frames = torch.randn(2, 1, 3, 32, 32)
    backbone, model = SelfSelfAttentionBackbone(source, layer_weights=[1]), plain(source)

    video, expected = backbone.encode_video(frames, MASK), model.encode_video(frames, MASK)

    torch.testing.assert_close(video.patches, expected.patches, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(video.frames, expected.frames, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ('weights', 'iterations'), [((1, 1), 1), ((0.3, 0.7, 0.9), 0), ((1, 1, 1), 2)]
)
@torch.no_grad()
def test_patches_are_those_of_the_slow_formula(source, weights, iterations):
    frames, model = torch.randn(2, 1, 3, 32, 32), plain(source)
    backbone = SelfSelfAttentionBackbone(source, layer_weights=weights, iterations=iterations)

    video = backbone.encode_video(frames, MASK)

    expected = model.embed_tokens(slow_gem(model, frames[:, 0], weights, iterations))
    torch.testing.assert_close(video.patches[:, 0], expected, atol=1e-4, rtol=1e-4)
    unchanged = model.encode_video(frames, MASK).frames
    torch.testing.assert_close(video.frames, unchanged, atol=1e-5, rtol=1e-5)


def test_layers_kept_apart_make_the_same_patches_with_their_static_weights(source):
    frames, weights = torch.randn(2, 1, 3, 32, 32), (0.5, 0.7, 0.9)
    together = SelfSelfAttentionBackbone(source, layer_weights=weights)
    apart = SelfSelfAttentionBackbone(source, layer_weights=weights, separate_layers=2)

    patches = apart.encode_video(frames, MASK).patches

    assert patches.shape[-1] == apart.patch_dim == 3 * 32
    expected = together.encode_video(frames, MASK).patches
    torch.testing.assert_close(apart.embed_patches(patches), expected, atol=1e-5, rtol=1e-5)
    other = SelfSelfAttentionBackbone(source, layer_weights=(0.5, 0.1, 2.0))
    weighted = apart.embed_patches(patches, torch.tensor([0.1, 2.0]))
    expected = other.encode_video(frames, MASK).patches
    torch.testing.assert_close(weighted, expected, atol=1e-5, rtol=1e-5)


def test_a_layer_left_out_is_a_layer_of_no_weight(source):
    frames, model = torch.randn(2, 1, 3, 32, 32), plain(source)
    backbone = SelfSelfAttentionBackbone(source, layer_weights=(0.5, 0.7, 0.9), separate_layers=2)

    without = backbone.embed_without_each(backbone.encode_video(frames, MASK).patches)

    for i, weights in enumerate([(0.5, 0.0, 0.9), (0.5, 0.7, 0.0)]):
        expected = model.pool_patches(slow_gem(model, frames[:, 0], weights))
        torch.testing.assert_close(without[:, 0, i], expected, atol=1e-4, rtol=1e-4)


def test_every_setting_changes_the_fingerprint(source):
    settings = [{}, {'separate_layers': 1}, {'iterations': 2}, {'inverse_temperature': 5.0}]
    made = [SelfSelfAttentionBackbone(source, layer_weights=(1, 1), **extra) for extra in settings]
    made.append(SelfSelfAttentionBackbone(source, layer_weights=(1, 0.5)))

    assert len({backbone.fingerprint for backbone in made}) == 5
    assert not any(p.requires_grad for backbone in made for p in backbone.parameters())


@pytest.mark.parametrize(
    ('wrong', 'told'),
    [
        ({'layer_weights': [1] * 4}, 'has 2 layers: give 1 to 3'),
        ({'layer_weights': []}, 'has 0 numbers'),
        ({'layer_weights': [1, 1], 'separate_layers': 2}, 'give 0 to 1'),
        ({'layer_weights': [1, 1], 'iterations': -1}, 'iterations must be >= 0'),
        ({'layer_weights': [1, 1], 'inverse_temperature': 0}, 'must be > 0'),
    ],
)
def test_wrong_settings_say_what_fits(tiny_clip_dir, wrong, told):
    with pytest.raises(ValueError, match=told):
        SelfSelfAttentionBackbone(tiny_clip_dir, **wrong)
