"""Grounders on the tiny CLIP and the batches that ranks share."""

import torch

from stgr.registry import MODELS
from stgr.structures.grounding_sample import GroundingSample

SAID = ('crack an egg into the bowl', 'flip it', 'slice the bread', 'chop an onion')


def build(ranks, *, backbone=None, **changes):
    """Return a grounder, the same on every rank."""
    torch.manual_seed(0)
    config = {
        'type': 'SpatioTemporalGrounder',
        'backbone': {'type': 'CLIPBackbone', 'source': str(ranks.tiny_clip), **(backbone or {})},
        'selector': {'type': 'TopKSelector', 'count': 2},
        'loss': {'type': 'MMSLoss', 'margin': 0.1},
        'global_head': {'type': 'GlobalHead', 'dim': 8},
        'local_head': {'type': 'CrossSelfCrossHead', 'dim': 8},
        'local_negatives': 'all',
    }
    return MODELS.build(config | changes)


def inputs(ranks, grounder):
    """Return this rank's share of four clips, preprocessed; texts are as long as its longest."""
    generator = torch.Generator().manual_seed(1)
    token_ids, token_mask = grounder.backbone.tokenize(SAID)
    batch = ranks.own(
        {
            'frames': torch.randn(4, 3, 3, 32, 32, generator=generator),
            'frame_mask': torch.tensor([[1, 1, 1], [1, 1, 1], [1, 1, 0], [1, 0, 0]]).bool(),
            'token_ids': token_ids,
            'token_mask': token_mask,
        }
    )
    longest = int(batch['token_mask'].sum(dim=1).max())
    for key in ('token_ids', 'token_mask'):
        batch[key] = batch[key][:, :longest]
    return batch


def packed_clip(number):
    """Return one packed clip, by number."""
    generator = torch.Generator().manual_seed(number)
    real = torch.ones(3, dtype=torch.bool)
    return {
        'inputs': {
            'frames': torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8, generator=generator)
        },
        'data_samples': GroundingSample(
            video_id=f'v{number}', narration=SAID[number % 4], frame_mask=real
        ),
    }


def packed_video(number, *, frames):
    """Return one packed video of evaluation."""
    generator = torch.Generator().manual_seed(number)
    pixels = torch.randint(0, 256, (frames, 3, 32, 32), dtype=torch.uint8, generator=generator)
    sample = GroundingSample(
        video_id=f'v{number}',
        pool=list(SAID[: 2 + number]),
        gt_labels=torch.arange(frames) % 3 - 1,
        frame_mask=torch.ones(frames, dtype=torch.bool),
    )
    return {'inputs': {'frames': pixels}, 'data_samples': sample}


def batch_of(clips):
    """Return packed clips as a loader collates them."""
    frames = [clip['inputs']['frames'] for clip in clips]
    return {'inputs': {'frames': frames}, 'data_samples': [c['data_samples'] for c in clips]}
