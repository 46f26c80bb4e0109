"""Fully sharded training steps, and answers with whole weights."""

from functools import partial

import torch
from mmengine.optim import OptimWrapper
from two_ranks.clips import batch_of, build, packed_clip, packed_video

from stgr.engine import (
    Bf16OptimWrapper,
    Fp16OptimWrapper,
    FullyShardedModel,
    cached_gradient_step,
    whole_weights,
)
from stgr.engine.calibrate_thresholds_hook import calibrate
from stgr.engine.fully_sharded_model import torch_shards_rightly
from stgr.ops.gather import all_gather, whole


def three_steps(
    ranks, *, backbone=None, wrapper=OptimWrapper, sharding=None, in_chunks=False, **changes
):
    """Return losses, first gradients, clipped norm and weights after three steps of four clips."""
    model = grounder = build(ranks, backbone={'frozen': False} | (backbone or {}), **changes)
    if ranks.rank == 1:
        for parameter in grounder.parameters():
            parameter.data.add_(1.0)  # a rank that was initialised otherwise
    if ranks.world > 1:
        model = FullyShardedModel(grounder, **(sharding or {}))
    learning = {n: p for n, p in grounder.named_parameters() if p.requires_grad}
    optimizer = torch.optim.AdamW(learning.values(), lr=1e-2, eps=1e-3)
    norms, gradients = [], {}

    def clip(parameters, **settings):
        if not gradients:
            gradients.update({n: whole(p.grad).clone() for n, p in learning.items()})
        norm = torch.nn.utils.clip_grad_norm_(parameters, **settings)
        norms.append(float(norm))
        return norm

    optim = wrapper(optimizer=optimizer, clip_grad={'max_norm': 0.5})
    optim.clip_func = clip
    found = {}
    for step in range(3):
        take = take_in_chunks if in_chunks else take_at_once
        log = take(ranks, model, [packed_clip(4 * step + i) for i in range(4)], optim)
        found |= {f'{name}, step {step}': value.detach() for name, value in log.items()}
    shards = {n: p for n, p in learning.items() if hasattr(p, 'full_tensor')}
    if ranks.world > 1:
        assert shards.keys() == learning.keys()
    weights = {n: whole(p.detach()).clone() for n, p in learning.items()}
    return {'log': found, 'gradients': gradients, 'weights': weights, 'norms': norms}


def take_at_once(ranks, model, clips, optim):
    return model.train_step(batch_of(ranks.own(clips)), optim)


def take_in_chunks(ranks, model, clips, optim):
    """The first chunks of both ranks, and then the second ones, are those of one process."""
    if optim._inner_count == 4:  # a second step that follows an evaluation
        model.eval()
        model.val_step(batch_of([packed_video(0, frames=2)]))
        model.train()
    mine = batch_of(ranks.own(clips) if ranks.world > 1 else [clips[i] for i in (0, 2, 1, 3)])
    return cached_gradient_step(model, mine, optim, chunk_clips=2 // ranks.world)


SETTINGS = {
    'plain': {},
    'in chunks': {'in_chunks': True},
    'in chunks, checkpointed': {
        'in_chunks': True,
        'backbone': {'gradient_checkpointing': True},
    },
    'kept': {'sharding': {'reshard_after_forward': False}},
    'checkpointed': {'backbone': {'gradient_checkpointing': True}},
    'values': {'backbone': {'patch_tokens': 'value', 'gradient_checkpointing': True}},
    'in part': {'backbone': {'frozen': {'vision': 1}}},
}
HALF = {
    'bf16': {'wrapper': Bf16OptimWrapper, 'backbone': {'gradient_checkpointing': True}},
    'fp16': {'wrapper': partial(Fp16OptimWrapper, init_scale=256.0)},
    'bf16 layers': {'sharding': {'layer_dtype': 'bfloat16'}},
    'both': {'wrapper': Bf16OptimWrapper, 'sharding': {'layer_dtype': 'bfloat16'}},
}


def answers(ranks):
    """Return answers on videos of unequal length, thresholds, and a step after them."""
    model = grounder = build(ranks, backbone={'frozen': False})
    if ranks.world > 1:
        model = FullyShardedModel(grounder)
    optim = OptimWrapper(torch.optim.SGD(grounder.parameters(), lr=1e-3))
    clips = batch_of(ranks.own([packed_clip(i) for i in range(4)]))
    model.train_step(clips, optim)
    answers = torch.zeros(0, 2)
    videos = [packed_video(i, frames=frames) for i, frames in enumerate((2, 700))]
    model.eval()
    for number in range(2):
        if ranks.world == 1 or number == ranks.rank:  # one chunk of frames, or three
            (sample,) = model.val_step(batch_of([videos[number]]))
            found = torch.stack([sample.similarity.std(), sample.heatmaps.square().sum()])[None]
            answers = torch.cat([answers, found])
    sharded = [p for p in grounder.parameters() if hasattr(p, 'full_tensor')]
    assert not sharded, 'in evaluation all weights are whole'
    log = model.train().train_step(clips, optim)
    with whole_weights(model):
        thresholds = calibrate(grounder, videos[:1])
    learning = [p for p in grounder.parameters() if p.requires_grad]
    assert ranks.world == 1 or all(hasattr(p, 'full_tensor') for p in learning)
    again = model.train_step(clips, optim)
    losses = [log['loss'], again['loss']]
    return {'answers': all_gather(answers), 'thresholds': thresholds, 'losses': losses}


def overflow_in_one_shard(ranks):
    """Return weights and scale after a step in which one element of one gradient is infinite."""
    model = grounder = build(ranks)
    if ranks.world > 1:
        model = FullyShardedModel(grounder)
    weights = grounder.global_head.video_proj.weight
    before = whole(weights.detach()).clone()
    optimizer = torch.optim.SGD([p for p in grounder.parameters() if p.requires_grad], lr=1e-3)
    optim = Fp16OptimWrapper(optimizer=optimizer, init_scale=256.0)
    step = optim.step

    def overflow():
        last = weights.grad if ranks.world == 1 else weights.grad.to_local()
        if ranks.rank == ranks.world - 1:
            last[-1, -1] = torch.inf
        step()

    optim.step = overflow
    model.train_step(batch_of(ranks.own([packed_clip(i) for i in range(4)])), optim)
    moved = whole(weights.detach()) - before
    return {'moved': moved, 'scale': optim.loss_scaler.get_scale()}


CASES = {}
if torch_shards_rightly():
    CASES |= {
        name: partial(three_steps, **settings) for name, settings in (SETTINGS | HALF).items()
    }
    CASES |= {'answers': answers, 'overflow': overflow_in_one_shard}
