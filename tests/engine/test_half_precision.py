"""Half precision changes how a step is computed, not what it does."""

import copy
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapper, build_optim_wrapper
from torch import nn

from stgr.apis.model_hub import load_config
from stgr.apis.train import WRAPPERS
from stgr.engine import Bf16OptimWrapper, Fp16OptimWrapper
from stgr.models.backbones import CLIPBackbone
from stgr.models.grounders import SpatioTemporalGrounder
from stgr.models.heads import CrossSelfCrossHead, GlobalHead
from stgr.models.losses import MMSLoss
from stgr.models.selectors import TopKSelector
from stgr.registry import MODELS
from stgr.structures.grounding_sample import GroundingSample


@pytest.fixture
def grounder(tiny_clip_dir):
    config = {
        'type': SpatioTemporalGrounder,
        'backbone': {'type': CLIPBackbone, 'source': str(tiny_clip_dir), 'frozen': False},
        'selector': {'type': TopKSelector, 'count': 2},
        'loss': {'type': MMSLoss},
        'global_head': {'type': GlobalHead, 'dim': 8},
        'local_head': {'type': CrossSelfCrossHead, 'dim': 8},
    }
    return MODELS.build(config).train()


@pytest.fixture
def clips():
    generator = torch.Generator().manual_seed(1)
    frames = torch.randint(0, 256, (3, 4, 3, 32, 32), dtype=torch.uint8, generator=generator)
    said = ('crack an egg into the bowl', 'flip it', 'slice the bread')
    real = torch.ones(4, dtype=torch.bool)
    samples = [
        GroundingSample(video_id=f'v{i}', narration=said[i], frame_mask=real) for i in range(3)
    ]
    return {'inputs': {'frames': list(frames)}, 'data_samples': samples}


WEIGHTS = (  # used without gradient, to select frames, before they are used with it
    'backbone.clip.visual_projection.weight',
    'backbone.clip.text_projection.weight',
    'global_head.video_proj.weight',
    'global_head.text_proj.weight',
)


def step(grounder, clips, wrapper):
    """Take one step with a copy of a grounder; return its losses and how far weights moved."""
    grounder = copy.deepcopy(grounder)
    before = {name: grounder.get_parameter(name).detach().clone() for name in WEIGHTS}
    optimizer = torch.optim.SGD(grounder.parameters(), lr=0.1)
    logged = grounder.train_step(clips, wrapper(optimizer=optimizer))
    return logged, {n: (grounder.get_parameter(n) - before[n]).flatten() for n in WEIGHTS}


@pytest.mark.parametrize('wrapper', [Bf16OptimWrapper, partial(Fp16OptimWrapper, init_scale=256.0)])
def test_losses_and_steps_are_near_those_of_float32(grounder, clips, wrapper):
    plain, moved = step(grounder, clips, OptimWrapper)
    half, moved_half = step(grounder, clips, wrapper)

    for name in ('loss_global', 'loss_local'):
        assert half[name].dtype == torch.float32
        torch.testing.assert_close(half[name], plain[name], atol=0.02, rtol=0.01)
    for name in WEIGHTS:
        assert moved_half[name].dtype == torch.float32
        assert F.cosine_similarity(moved[name], moved_half[name], dim=0) > 0.98, name
        ratio = moved_half[name].norm() / moved[name].norm()
        assert ratio.item() == pytest.approx(1, abs=0.05), name


@pytest.mark.parametrize('amp', ['bf16', 'fp16'])
@pytest.mark.parametrize(
    'name',
    ['ours_clip', 'ours_clip_release', 'ours_clip_finetune', 'ours_tiny', 'baselines/tiny_mil_nce'],
)
def test_two_steps_of_a_config_are_near_those_of_float32(name, amp, clips, tiny_clip_dir):
    """With its own optimizer, groups and clipping, as ``--amp`` changes it."""
    found = {}
    for precision in ('fp32', amp):
        config = load_config(
            name,
            overrides=[
                f'model.backbone.source={tiny_clip_dir}',
                'model.global_head.dim=32',
                *(['model.local_head.dim=32'] if name.startswith('ours') else []),
            ],
        )
        if precision != 'fp32':
            config.optim_wrapper.type = WRAPPERS[precision]
        if precision == 'fp16':  # the default leaves first steps out until the gradients fit
            config.optim_wrapper.init_scale = 256.0
        torch.manual_seed(0)
        grounder = MODELS.build(config.model).train()
        wrapper = build_optim_wrapper(grounder, config.optim_wrapper)
        logs = [grounder.train_step(copy.deepcopy(clips), wrapper) for _ in range(2)]
        found[precision] = {
            f'{key} {i}': value for i, log in enumerate(logs) for key, value in log.items()
        }
        assert {p.dtype for p in grounder.parameters()} == {torch.float32}

    assert all(value.dtype == torch.float32 for value in found[amp].values())
    torch.testing.assert_close(found[amp], found['fp32'], atol=0.02, rtol=0.02)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_scores_and_losses_are_float32_under_autocast(grounder, clips, dtype):
    inputs = grounder.data_preprocessor(clips)['inputs']

    with torch.autocast('cpu', dtype=dtype):
        text = grounder.encode_text(['flip it', 'slice the bread'])
        video = grounder.stored_or_encoded(inputs)
        assert grounder.global_head.project_video(video.frames).dtype == dtype  # it is on
        scores = grounder.global_head.scores(video.frames.mean(dim=1), text.sentence)
        local = grounder.local_head.scores(video.patches.flatten(1, 2), text.words)

    assert {t.dtype for t in (video.frames, video.patches, text.words, text.sentence)} == {
        torch.float32
    }
    assert scores.dtype == local.dtype == torch.float32


@pytest.mark.parametrize('wrapper', [Bf16OptimWrapper, Fp16OptimWrapper])
def test_no_copy_of_a_weight_outlives_its_use(wrapper):
    """Older releases of torch would use a copy without gradient again where there is one."""
    layer = nn.Linear(1, 1)
    context = wrapper(optimizer=torch.optim.SGD(layer.parameters(), lr=1.0)).optim_context(layer)

    with context:
        assert torch.is_autocast_enabled('cpu')
        assert not torch.is_autocast_cache_enabled()


@pytest.fixture
def number():
    """One number with a wrapper that starts from a scale of 1024."""
    layer = nn.Linear(1, 1, bias=False)
    nn.init.ones_(layer.weight)
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0)
    return layer, Fp16OptimWrapper(optimizer=optimizer, init_scale=1024.0)


def test_scaled_loss_gives_the_unscaled_step_also_when_clipped(number):
    layer, wrapper = number

    wrapper.update_params((layer.weight * 0.25).sum())
    assert layer.weight.item() == 0.75

    clipped = Fp16OptimWrapper(optimizer=wrapper.optimizer, clip_grad={'max_norm': 0.125})
    clipped.update_params((layer.weight * 0.25).sum())
    assert layer.weight.item() == pytest.approx(0.625)


def test_step_with_an_infinite_gradient_is_left_out_and_the_scale_halved(number):
    layer, wrapper = number

    wrapper.update_params((layer.weight * torch.inf).sum())

    assert layer.weight.item() == 1.0
    assert wrapper.loss_scaler.get_scale() == 512.0


def test_scale_is_saved_and_comes_back(number):
    layer, wrapper = number
    wrapper.update_params((layer.weight * torch.inf).sum())
    other = Fp16OptimWrapper(optimizer=torch.optim.SGD(layer.parameters(), lr=1.0))

    other.load_state_dict(wrapper.state_dict())

    assert other.loss_scaler.get_scale() == 512.0
    plain = {k: v for k, v in wrapper.state_dict().items() if k != 'loss_scaler'}
    other.load_state_dict(plain)  # of a run in another precision
