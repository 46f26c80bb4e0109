"""A step in chunks is the step of the whole batch: losses, gradients, steps and random numbers."""

import copy
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapper
from torch import nn

from stgr.engine import (
    Bf16OptimWrapper,
    EpochTrainLoop,
    Fp16OptimWrapper,
    GroundingRunner,
    IterTrainLoop,
)
from stgr.engine.cached_gradients import cached_gradient_step
from stgr.models.backbones import CLIPBackbone, DAVEnet
from stgr.models.grounders import AudioVisualTextGrounder, SpatioTemporalGrounder
from stgr.models.heads import AudioHead, CrossSelfCrossHead, GlobalHead
from stgr.models.losses import InfoNCELoss, MILNCELoss, MMSLoss
from stgr.models.selectors import RandomSelector, SinkhornSelector, TopKSelector
from stgr.registry import MODELS
from stgr.structures.grounding_sample import GroundingSample

SAID = (
    'crack an egg into the bowl', 'flip it', 'slice the bread', 'stir', 'pour the milk in slowly',
)  # fmt: skip
LOSSES = (
    {'type': MMSLoss, 'margin': 0.1},
    {'type': MILNCELoss},
    {'type': MILNCELoss, 'count_positives_twice': True},
    {'type': InfoNCELoss, 'temperature': 0.5},
)


@pytest.fixture
def make(tiny_clip_dir):
    """Return a function that builds a grounder in float64, always with the same weights."""

    def build(*, frozen=False, **changes):
        config = {
            'type': SpatioTemporalGrounder,
            'backbone': {'type': CLIPBackbone, 'source': str(tiny_clip_dir), 'frozen': frozen},
            'selector': {'type': TopKSelector, 'count': 2},
            'loss': {'type': MMSLoss, 'margin': 0.1},
            'global_head': {'type': GlobalHead, 'dim': 8},
            'local_head': {'type': CrossSelfCrossHead, 'dim': 8},
        }
        torch.manual_seed(0)
        return MODELS.build(config | changes).train().double()

    return build


@pytest.fixture
def clips():
    generator = torch.Generator().manual_seed(1)
    frames = torch.randint(0, 256, (5, 4, 3, 32, 32), dtype=torch.uint8, generator=generator)
    masks = torch.arange(4) < torch.tensor([[4], [4], [3], [1], [4]])
    samples = [
        GroundingSample(video_id=f'v{i}', narration=SAID[i], frame_mask=masks[i]) for i in range(5)
    ]
    return {'inputs': {'frames': list(frames)}, 'data_samples': samples}


class Recorder(OptimWrapper):
    """Keeps the gradients of the step."""

    def __init__(self, model, **settings):
        super().__init__(torch.optim.SGD(model.parameters(), lr=0.0), **settings)
        self.model = model

    def step(self, **kwargs):
        named = self.model.named_parameters()
        self.found = {name: p.grad.clone() for name, p in named if p.grad is not None}
        super().step(**kwargs)


class Float64(nn.Module):
    """A preprocessor whose pictures are float64."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, data, training=False):
        data = self.inner(data, training)
        inputs = data['inputs']
        data['inputs'] = {k: v.double() if v.is_floating_point() else v for k, v in inputs.items()}
        return data


def in_float64(grounder):
    grounder.data_preprocessor = Float64(grounder.data_preprocessor)
    return grounder


def local_names(losses):
    return [name for name in losses if name.startswith('loss_local')]


def by_hand(grounder, clips, chunk):
    """The loss in one graph: global over all clips, local the mean over chunks, by clips."""
    prepare = grounder.data_preprocessor
    whole = grounder.loss(prepare(clips, True)['inputs'])
    losses = {name: value for name, value in whole.items() if name not in local_names(whole)}
    count = len(clips['data_samples'])
    for start in range(0, count, chunk):
        rows = slice(start, start + chunk)
        part = {
            'inputs': {k: v[rows] for k, v in clips['inputs'].items()},
            'data_samples': clips['data_samples'][rows],
        }
        found = grounder.loss(prepare(part, True)['inputs'])
        share = len(part['data_samples']) / count
        for name in local_names(found):
            losses[name] = losses.get(name, 0.0) + share * found[name]
    sum(losses.values()).backward()
    gradients = {n: p.grad for n, p in grounder.named_parameters() if p.grad is not None}
    return {name: value.detach() for name, value in losses.items()}, gradients


def assert_step_is_that_of_one_graph(grounder, clips, chunk):
    grounder = in_float64(grounder)
    losses, gradients = by_hand(copy.deepcopy(grounder), clips, chunk)
    recorder = Recorder(grounder)

    logged = cached_gradient_step(grounder, clips, recorder, chunk_clips=chunk)

    assert len(gradients) > 2
    torch.testing.assert_close(logged.pop('loss'), sum(losses.values()), atol=1e-10, rtol=1e-10)
    torch.testing.assert_close(dict(logged), losses, atol=1e-10, rtol=1e-10)
    torch.testing.assert_close(recorder.found, gradients, atol=1e-10, rtol=1e-8)
    assert all(p.grad is None for p in grounder.parameters())


@pytest.mark.parametrize('chunk', [1, 2])
@pytest.mark.parametrize('loss', LOSSES, ids=lambda loss: loss['type'].__name__)
def test_losses_and_gradients_are_those_of_the_whole_batch(make, clips, loss, chunk):
    assert_step_is_that_of_one_graph(make(loss=loss), clips, chunk)


@pytest.mark.parametrize(
    'changes',
    [
        {'frozen': True},
        {'local_head': None},
        {'global_head': None},
        {'global_frames': 'candidates'},
        {'global_frames': 'candidates', 'frozen': True},
        {'select_projected': False, 'selector': {'type': SinkhornSelector, 'count': 2}},
    ],
    ids=str,
)
def test_every_part_that_can_be_left_out_or_frozen_agrees_too(make, clips, changes):
    assert_step_is_that_of_one_graph(make(**changes), clips, 2)


SOUND = {
    'type': AudioVisualTextGrounder,
    'audio_backbone': {'type': DAVEnet, 'widths': (4, 4, 6)},
    'audio_head': {'type': AudioHead},
    'va_weight': 2.0,
}


@pytest.mark.parametrize('heard', [[1, 0, 1, 1, 0], [0, 0, 0, 0, 0]], ids=['some', 'none'])
def test_losses_of_sound_agree_too(make, clips, heard):
    """The last chunk has no clip with sound, and adds 0 to the local losses of sound."""
    grounder = make(**SOUND)
    grounder.audio_backbone.train = lambda mode=True: None  # batch statistics are a chunk's
    grounder.audio_backbone.apply(lambda module: setattr(module, 'training', False))
    generator = torch.Generator().manual_seed(2)
    clips['inputs']['audio'] = list(torch.randn(5, 40, 32, generator=generator))
    clips['inputs']['audio_mask'] = [torch.full((32,), bool(each)) for each in heard]

    assert_step_is_that_of_one_graph(grounder, clips, 2)


class NoisyHead(GlobalHead):
    """Dropout in training, and a count of the passes that were for good."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.register_buffer('passes', torch.zeros((), dtype=torch.int64))
        self.seen = []

    def project_text(self, text):
        embeds = F.dropout(super().project_text(text), 0.5)
        if text.ndim == 2:
            self.passes += 1
            self.seen.append(embeds.detach())
        return embeds


def test_both_passes_draw_the_same_numbers_and_buffers_change_once(make, clips):
    grounder = in_float64(make(global_head={'type': NoisyHead, 'dim': 8}, select_projected=False))

    cached_gradient_step(grounder, clips, Recorder(grounder), chunk_clips=2)

    first, second = grounder.global_head.seen[:3], grounder.global_head.seen[3:]
    assert len(second) == 3
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one, other, atol=0, rtol=0)
    assert not torch.equal(first[0], first[1])  # chunks do not draw the same
    assert int(grounder.global_head.passes) == 3


def test_second_pass_learns_from_the_frames_that_the_first_chose(make, clips, monkeypatch):
    grounder = in_float64(make(selector={'type': RandomSelector, 'count': 2}))
    chosen, used, choose, embed = [], [], grounder.choose_frames, grounder.embed
    monkeypatch.setattr(
        grounder, 'choose_frames', lambda inputs: chosen.append(choose(inputs)) or chosen[-1]
    )
    monkeypatch.setattr(
        grounder, 'embed', lambda i, s, **k: used.append(s.indices) or embed(i, s, **k)
    )

    cached_gradient_step(grounder, clips, Recorder(grounder), chunk_clips=2)

    expected = [selection.indices.tolist() for selection in chosen]
    assert [indices.tolist() for indices in used] == expected * 2


def test_clipping_sees_the_gradient_of_the_whole_batch(make, clips):
    grounder = in_float64(make())
    whole = Recorder(copy.deepcopy(grounder))
    cached_gradient_step(whole.model, clips, whole, chunk_clips=2)
    norm = torch.stack([g.square().sum() for g in whole.found.values()]).sum().sqrt().item()

    clipped = Recorder(grounder, clip_grad={'max_norm': norm / 4})
    clipped.message_hub.log_scalars.clear()
    cached_gradient_step(grounder, clips, clipped, chunk_clips=2)

    assert clipped.message_hub.get_scalar('train/grad_norm').data[0].tolist() == [
        pytest.approx(norm)
    ]


@pytest.mark.parametrize(
    'wrapper', [Bf16OptimWrapper, partial(Fp16OptimWrapper, init_scale=1024.0)], ids=str
)
def test_half_precision_steps_as_far_and_in_the_same_direction(make, clips, wrapper):
    moved = {}
    for name, kind in (('plain', OptimWrapper), ('half', wrapper)):
        grounder = make().float()
        optimizer = torch.optim.SGD(grounder.parameters(), lr=0.1)
        before = nn.utils.parameters_to_vector(grounder.parameters()).detach()
        cached_gradient_step(grounder, clips, kind(optimizer=optimizer), chunk_clips=2)
        moved[name] = nn.utils.parameters_to_vector(grounder.parameters()).detach() - before

    assert F.cosine_similarity(moved['plain'], moved['half'], dim=0) > 0.97
    ratio = moved['half'].norm() / moved['plain'].norm()
    assert ratio.item() == pytest.approx(1, abs=0.1)


def test_an_overflow_in_any_chunk_leaves_the_whole_step_out_and_halves_the_scale(make, clips):
    grounder = make().float()
    before = copy.deepcopy(grounder.state_dict())
    optimizer = torch.optim.SGD(grounder.parameters(), lr=0.1)
    wrapper = Fp16OptimWrapper(optimizer=optimizer, init_scale=1024.0)
    backward, calls = wrapper.backward, []

    def overflow_first(loss):
        calls.append(loss)
        backward(loss * torch.inf if len(calls) == 1 else loss)

    wrapper.backward = overflow_first
    cached_gradient_step(grounder, clips, wrapper, chunk_clips=2)

    assert len(calls) == 3
    torch.testing.assert_close(grounder.state_dict(), before, atol=0, rtol=0)
    assert wrapper.loss_scaler.get_scale() == 512.0
    assert all(p.grad is None for p in grounder.parameters())


def test_chunk_of_the_whole_batch_is_the_plain_step(make, clips):
    grounder = make().float()
    plain = copy.deepcopy(grounder)
    optimizers = [torch.optim.SGD(each.parameters(), lr=0.1) for each in (grounder, plain)]

    found = cached_gradient_step(grounder, clips, OptimWrapper(optimizers[0]), chunk_clips=5)
    expected = plain.train_step(clips, OptimWrapper(optimizers[1]))

    torch.testing.assert_close(found, expected, atol=0, rtol=0)
    for one, other in zip(grounder.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=0, rtol=0)


def test_what_cannot_be_split_is_refused(make, clips):
    layer = nn.Linear(1, 1)
    with pytest.raises(TypeError, match=r'SpatioTemporalGrounder.*is a Linear'):
        cached_gradient_step(layer, clips, Recorder(layer), chunk_clips=2)
    grounder = make()
    with pytest.raises(ValueError, match='accumulative_counts=3 both split a step'):
        cached_gradient_step(
            grounder, clips, Recorder(grounder, accumulative_counts=3), chunk_clips=2
        )


@pytest.mark.parametrize(
    ('loop', 'kind'),
    [
        ({'by_epoch': True, 'max_epochs': 2}, EpochTrainLoop),
        ({'by_epoch': False, 'max_iters': 2}, IterTrainLoop),
    ],
    ids=['epochs', 'iterations'],
)
def test_config_asks_for_chunks_in_train_cfg(make, clips, tmp_path, loop, kind):
    sizes, grounder = [], make().float()
    weight, seen = grounder.global_head.text_proj.weight, []
    grounder.register_forward_pre_hook(
        lambda _, args, kwargs: sizes.append((kwargs['mode'], len(kwargs['data_samples']))),
        with_kwargs=True,
    )
    data = [
        {'inputs': {'frames': frames}, 'data_samples': sample}
        for frames, sample in zip(clips['inputs']['frames'], clips['data_samples'], strict=True)
    ]
    loader = {'batch_size': 5, 'dataset': data, 'collate_fn': {'type': 'pseudo_collate'}}
    runner = GroundingRunner(
        grounder,
        work_dir=str(tmp_path),
        train_dataloader=loader | {'sampler': {'type': 'DefaultSampler', 'shuffle': False}},
        train_cfg={**loop, 'chunk_clips': 2},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.1}},
        custom_hooks=[{'type': 'EMAHook', 'momentum': 0.25}],
    )
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner.optim_wrapper.optimizer.register_step_post_hook(
        lambda *_: seen.append(weight.detach().clone())
    )

    runner.train()

    assert isinstance(runner.train_loop, kind)
    first_pass = [(mode, count) for count in (2, 2, 1) for mode in ('choose', 'embed')]
    assert sizes == (first_pass + [('embed', count) for count in (2, 2, 1)]) * 2
    (average,) = (h.ema_model for h in runner.hooks if hasattr(h, 'ema_model'))
    expected = seen[0] * 0.75 + seen[1] * 0.25  # one average a step, not one a chunk
    torch.testing.assert_close(average.module.global_head.text_proj.weight, expected)
    with pytest.raises(ValueError, match='chunk_clips must be >= 1, but got 0'):
        kind(runner, runner.train_dataloader, 1, chunk_clips=0)
