"""The released heads arrive where they belong, all of them, or nothing is written."""

import json
import os

import pytest
import torch
from safetensors import safe_open
from torch import nn

from stgr.apis.build import build_grounder
from stgr.apis.model_hub import load_config
from stgr.apis.official_weights import convert_grounding_weights
from stgr.apis.official_weights.grounding_weights import official_names_of
from stgr.models.heads import CrossSelfCrossHead
from stgr.registry import MODELS

# Ours and theirs, all 16, from the two model classes.
NAMES = {
    'local_head.video_proj.weight': 'vis_proj_mat.0.weight',
    'local_head.video_proj.bias': 'vis_proj_mat.0.bias',
    'local_head.text_proj.weight': 'lang_proj_mat.0.weight',
    'local_head.text_proj.bias': 'lang_proj_mat.0.bias',
    'local_head.video_attention.in_proj_weight': 'sa_layer.vis_attn_mat.in_proj_weight',
    'local_head.video_attention.in_proj_bias': 'sa_layer.vis_attn_mat.in_proj_bias',
    'local_head.video_attention.out_proj.weight': 'sa_layer.vis_attn_mat.out_proj.weight',
    'local_head.video_attention.out_proj.bias': 'sa_layer.vis_attn_mat.out_proj.bias',
    'local_head.text_attention.in_proj_weight': 'sa_layer.text_attn_mat.in_proj_weight',
    'local_head.text_attention.in_proj_bias': 'sa_layer.text_attn_mat.in_proj_bias',
    'local_head.text_attention.out_proj.weight': 'sa_layer.text_attn_mat.out_proj.weight',
    'local_head.text_attention.out_proj.bias': 'sa_layer.text_attn_mat.out_proj.bias',
    'global_head.video_proj.weight': 'vis_proj_mat_g.0.weight',
    'global_head.video_proj.bias': 'vis_proj_mat_g.0.bias',
    'global_head.text_proj.weight': 'lang_proj_mat_g.0.weight',
    'global_head.text_proj.bias': 'lang_proj_mat_g.0.bias',
}
LOST = [name for name in NAMES if 'video_attention' in name]


def released(width=32, dim=8):
    """Return the 16 tensors, every number different."""
    shapes = {
        'in_proj_weight': (3 * dim, dim),
        'in_proj_bias': (3 * dim,),
        'out_proj.weight': (dim, dim),
        '0.weight': (dim, width),
    }
    tensors, start = {}, 0
    for name in NAMES.values():
        shape = next((s for end, s in shapes.items() if name.endswith(end)), (dim,))
        size = torch.Size(shape).numel()
        tensors[name] = torch.arange(start, start + size, dtype=torch.float32).view(shape)
        start += size
    return tensors


@pytest.fixture
def convert(tiny_model, tiny_clip_dir, tmp_path):
    """Convert with the tiny config, and return the file and the report."""

    def run(source, name='ours.safetensors', **settings):
        report = convert_grounding_weights(
            source, tmp_path / name, clip=tiny_clip_dir, config=tiny_model[0], **settings
        )
        return tmp_path / name, report

    return run


def test_all_16_tensors_arrive_under_our_names(convert, release, tiny_model):
    tensors = released()

    out, report = convert(release(tensors))
    weights = build_grounder(tiny_model[0], weights=out, device='cpu')[0].state_dict()

    heads = {name for name in weights if name.split('.')[0] in ('local_head', 'global_head')}
    assert heads == set(NAMES)
    for ours, theirs in NAMES.items():
        assert torch.equal(weights[ours], tensors[theirs]), ours
    assert report[0].startswith('16 of 16 tensors found')
    assert not [line for line in report if 'WARNING' in line]


def test_checkpoint_fits_the_release_config_and_no_other_clip(
    release, tiny_clip_dir, tmp_path, oracle
):
    out = tmp_path / 'ours.safetensors'
    source = release(released(width=32, dim=512))
    convert_grounding_weights(source, out, clip=tiny_clip_dir)
    config = load_config('ours_clip_release')
    config.model.backbone.source = str(tiny_clip_dir)
    path = tmp_path / 'release.py'
    config.dump(path)

    grounder, _ = build_grounder(path, weights=out, device='cpu')

    assert float(grounder.pool_threshold) == 0.5
    config.model.backbone.source = 'stgr://clip_tiny'
    with pytest.raises(ValueError, match='instead of'):
        convert_grounding_weights(source, out, clip='stgr://clip_tiny')


def test_same_file_gives_the_same_bytes_and_says_where_they_come_from(convert, release):
    source = release(released())
    one, _ = convert(source)
    other, _ = convert(source, 'other.safetensors')

    assert one.read_bytes() == other.read_bytes()
    with safe_open(one, 'pt') as file:
        origin = json.loads(file.metadata()['origin'])
    assert origin['file'] == 'released.pth.tar'
    assert origin['random_visual_self_attention_seed'] is None


@pytest.mark.parametrize('seed', [0, 3])
def test_like_the_released_loader_only_the_visual_self_attention_is_random(
    seed, convert, release, tiny_model
):
    source, tensors = release(released()), released()

    out, report = convert(source, like_released_loader=seed)
    weights = build_grounder(tiny_model[0], weights=out, device='cpu')[0].state_dict()

    kept = {ours for ours, theirs in NAMES.items() if torch.equal(weights[ours], tensors[theirs])}
    assert set(NAMES) - kept == set(LOST)
    warnings = [line for line in report if line.startswith('WARNING')]
    assert len(warnings) == 1
    assert f'RANDOM (seed {seed})' in warnings[0]
    assert all(name in warnings[0] for name in LOST)


def test_random_tensors_follow_the_seed_and_start_as_their_class_does(convert, release):
    source = release(released())
    files = [
        convert(source, f'{i}.safetensors', like_released_loader=seed)[0]
        for i, seed in enumerate([3, 3, 4])
    ]
    torch.manual_seed(3)
    expected = nn.MultiheadAttention(8, 1).in_proj_weight

    with safe_open(files[0], 'pt') as file:
        drawn = file.get_tensor('local_head.video_attention.in_proj_weight')
    assert torch.equal(drawn, expected)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].read_bytes() != files[2].read_bytes()


def test_missing_and_left_over_names_are_both_listed_and_nothing_is_written(
    convert, release, tmp_path
):
    tensors = released()
    # what the released evaluation script makes of the names
    for name in [name for name in tensors if name.startswith('sa_layer.vis')]:
        tensors[name.replace('sa_layer.vis_attn_mat', 'sa_layer.sa_layer.attn_mat')] = tensors.pop(
            name
        )

    with pytest.raises(ValueError, match=r'4 missing \(sa_layer.vis.*; 4 left over \(sa_layer.sa'):
        convert(release(tensors))
    assert not (tmp_path / 'ours.safetensors').exists()


def test_seed_does_not_excuse_a_missing_tensor(convert, release):
    tensors = released()
    del tensors['sa_layer.vis_attn_mat.in_proj_bias']

    with pytest.raises(ValueError, match=r'1 missing \(sa_layer.vis_attn_mat.in_proj_bias\)'):
        convert(release(tensors), like_released_loader=0)


def test_gated_file_needs_a_gated_config(convert, release):
    tensors = released()
    for side in ('vis', 'lang'):
        for kind in ('weight', 'bias'):
            plain = tensors.pop(f'{side}_proj_mat_g.0.{kind}')
            tensors[f'{side}_proj_mat_g.fc.{kind}'] = plain
            tensors[f'{side}_proj_mat_g.cg.fc.{kind}'] = plain.clone()

    with pytest.raises(ValueError, match=r'4 missing .* 8 left over .* of the gated class'):
        convert(release(tensors))


class _Gated(nn.Module):
    official_names = {  # noqa: RUF012
        'video_proj': 'vis_proj_mat_g.fc',
        'video_proj.gate': 'vis_proj_mat_g.cg.fc',
    }

    def __init__(self):
        super().__init__()
        self.video_proj = nn.Linear(2, 2)
        self.video_proj.gate = nn.Linear(2, 2)


def test_names_of_nested_modules_come_from_the_longest_prefix():
    model = nn.Module()
    model.global_head, model.local_head = _Gated(), CrossSelfCrossHead(2, 2, 2)

    names = official_names_of(model)

    assert names['global_head.video_proj.bias'] == 'vis_proj_mat_g.fc.bias'
    assert names['global_head.video_proj.gate.bias'] == 'vis_proj_mat_g.cg.fc.bias'
    model.global_head.scale = nn.Parameter(torch.ones(1))
    with pytest.raises(ValueError, match='_Gated has scale, which the released weights lack'):
        official_names_of(model)


def test_config_without_a_head_is_refused(tiny_model, tiny_clip_dir):
    config = load_config(tiny_model[0])
    config.model.local_head = None

    with pytest.raises(ValueError, match='config has no local_head'):
        official_names_of(MODELS.build(config.model))


class _Attack:
    def __reduce__(self):
        return os.system, ('touch broken_in',)


def test_file_that_would_run_code_is_refused_with_what_to_do(
    convert, release, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    file = release(released(), args=_Attack())

    with pytest.raises(ValueError, match=r'read safely.*nothing of it was run: docs/released_w'):
        convert(file)
    assert not (tmp_path / 'broken_in').exists()


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'vis_proj_mat.0.bias': torch.full((8,), torch.nan)}, 'bias holds numbers that are not'),
        ({'vis_proj_mat.0.bias': 3}, "'module.vis_proj_mat.0.bias' is a int, expected a tensor"),
        ({'vis_proj_mat.0.bias': torch.ones(4)}, r'bias \(4,\) instead of \(8,\)'),
    ],
)
def test_what_is_no_sound_tensor_is_named(change, message, convert, release):
    with pytest.raises(ValueError, match=message):
        convert(release(released() | change))


def test_checkpoint_under_a_name_that_would_not_be_read_is_refused(convert, release):
    with pytest.raises(ValueError, match=r'ours\.pth must end in \.safetensors'):
        convert(release(released()), 'ours.pth')


def test_name_with_and_without_prefix_is_refused(convert, release, tmp_path):
    tensors = released()
    twice = {'module.vis_proj_mat.0.bias': torch.ones(8), 'vis_proj_mat.0.bias': torch.ones(8)}

    with pytest.raises(ValueError, match=r'names vis_proj_mat\.0\.bias twice'):
        convert(release(tensors, state_dict=tensors | twice))


def test_half_precision_becomes_float32_exactly(convert, release, tiny_model):
    tensors = {name: (tensor / 4096).half() for name, tensor in released().items()}

    out, _ = convert(release(tensors))
    weights = build_grounder(tiny_model[0], weights=out, device='cpu')[0].state_dict()

    for ours, theirs in NAMES.items():
        assert weights[ours].dtype == torch.float32
        assert torch.equal(weights[ours], tensors[theirs].float()), ours
