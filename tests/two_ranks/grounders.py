"""Losses and gradients of whole grounders, by all negatives or by those of each process."""

from functools import partial

import torch
from torch.nn.parallel import DistributedDataParallel
from two_ranks.clips import build, inputs
from two_ranks.losses import settings as losses

LOCAL_HEADS = ('CrossSelfHead', 'CrossCrossHead', 'SelfCrossHead', 'WordRegionHead')
GLOBAL_HEADS = {  # MILNCEGlobalHead is a GlobalHead that starts from a file
    'gated': {'type': 'GatedGlobalHead', 'dim': 8},
    'pooled': {'type': 'GlobalHead', 'dim': 8, 'video': 'patches', 'text': 'words'},
}


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


def _own_negatives(ranks, *, loss):
    """One process does what two do: the mean of both halves' local losses and gradients."""
    grounder = build(ranks, loss=loss, global_head=None, local_negatives='process')
    return _mean_of_halves(ranks, grounder, inputs(ranks, grounder))


def _mean_of_halves(ranks, grounder, batch):
    """Return the gradients of what each process makes of its own clips."""
    if ranks.world > 1:
        found = _found(ranks, grounder, batch)
        return {name: value for name, value in found.items() if not name.startswith('loss_')}
    halves = [{k: v[rows] for k, v in batch.items()} for rows in (slice(2), slice(2, 4))]
    losses = [sum(grounder(half, [], mode='loss').values()) for half in halves]
    sum(losses).div(2).backward()
    return {n: p.grad for n, p in grounder.named_parameters() if p.requires_grad}


def _with_audio(ranks, *, own_negatives=False, heard=(True, True, False, False)):
    """Sound on both levels: its local losses know the clips of one process only."""
    grounder = build(
        ranks,
        type='AudioVisualTextGrounder',
        local_negatives='process',
        **({'global_head': None} if own_negatives else {'local_head': None}),
        audio_backbone={'type': 'DAVEnet', 'widths': (4, 4, 6)},
        audio_head={'type': 'AudioHead'},
    )
    grounder.audio_backbone.eval()  # batch statistics are those of a process
    batch = inputs(ranks, grounder)
    sound = {
        'audio': torch.randn(4, 40, 32, generator=torch.Generator().manual_seed(2)),
        'audio_mask': torch.tensor(heard)[:, None].expand(4, 32),
    }
    batch |= ranks.own(sound)
    return (
        _mean_of_halves(ranks, grounder, batch) if own_negatives else _found(ranks, grounder, batch)
    )


CASES = {f'{loss}': partial(_all_negatives, loss=loss) for loss in losses()}
CASES |= {
    head: partial(_all_negatives, local_head={'type': head, 'dim': 8}, global_head=None)
    for head in LOCAL_HEADS
}
CASES |= {
    f'{name} global head': partial(_all_negatives, global_head=head)
    for name, head in GLOBAL_HEADS.items()
}
CASES |= {f'own negatives, {loss}': partial(_own_negatives, loss=loss) for loss in losses()}
CASES |= {
    'audio': _with_audio,  # the second process has no sound
    'audio, own negatives': partial(
        _with_audio, own_negatives=True, heard=(True, True, True, False)
    ),
    'audio, own negatives of one': partial(_with_audio, own_negatives=True),
}
