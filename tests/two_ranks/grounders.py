"""Losses and gradients of whole grounders, by all negatives or by those of each process."""

from functools import partial

import torch
from torch.nn.parallel import DistributedDataParallel
from two_ranks.clips import build, inputs
from two_ranks.losses import _settings as losses

LOCAL_HEADS = ('CrossSelfHead', 'CrossCrossHead', 'SelfCrossHead', 'WordRegionHead')


def _found(ranks, grounder, batch):
    """Return losses and gradients of a batch, averaged over ranks as the wrapper does."""
    model = grounder if ranks.world == 1 else DistributedDataParallel(grounder)
    values = model(batch, [], mode='loss')
    sum(values.values()).backward()
    gradients = {n: p.grad for n, p in grounder.named_parameters() if p.requires_grad}
    return {name: value.detach() for name, value in values.items()} | gradients


def _all_negatives(ranks, **changes):
    grounder = build(ranks, **changes)
    return _found(ranks, grounder, inputs(ranks, grounder))


def _own_negatives(ranks):
    """One process does what two do: the mean of both halves' local losses and gradients."""
    grounder = build(ranks, global_head=None, local_negatives='process')
    batch = inputs(ranks, grounder)
    if ranks.world > 1:
        found = _found(ranks, grounder, batch)
        return {name: value for name, value in found.items() if name != 'loss_local'}
    halves = [{k: v[rows] for k, v in batch.items()} for rows in (slice(2), slice(2, 4))]
    sum(grounder(half, [], mode='loss')['loss_local'] for half in halves).div(2).backward()
    return {n: p.grad for n, p in grounder.named_parameters() if p.requires_grad}


def _with_audio(ranks):
    """The second half of the clips has no sound."""
    grounder = build(
        ranks,
        type='AudioVisualTextGrounder',
        local_negatives='process',
        local_head=None,
        audio_backbone={'type': 'DAVEnet', 'widths': (4, 4, 6)},
        audio_head={'type': 'AudioHead'},
    )
    grounder.audio_backbone.eval()  # batch statistics are those of a process
    batch = inputs(ranks, grounder)
    sound = {
        'audio': torch.randn(4, 40, 32, generator=torch.Generator().manual_seed(2)),
        'audio_mask': torch.tensor([[True], [True], [False], [False]]).expand(4, 32),
    }
    return _found(ranks, grounder, batch | ranks.own(sound))


CASES = {f'{loss}': partial(_all_negatives, loss=loss) for loss in losses()}
CASES |= {
    head: partial(_all_negatives, local_head={'type': head, 'dim': 8}, global_head=None)
    for head in LOCAL_HEADS
}
CASES |= {'own negatives': _own_negatives, 'audio': _with_audio}
