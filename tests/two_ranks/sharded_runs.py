"""Runs of ``GroundingRunner`` with a fully sharded model: checkpoints fit any number of ranks."""

import torch
import torch.distributed as dist
from mmengine.evaluator import BaseMetric
from torch.utils.data import Dataset
from two_ranks.clips import packed_clip, packed_video
from two_ranks.ranks import ALONE

from stgr.engine import GroundingRunner, read_checkpoint
from stgr.engine.fully_sharded_model import torch_shards_rightly


class Clips(Dataset):
    """Eight clips, always the same."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return packed_clip(index)


class Videos(Dataset):
    """Two videos, of which the second is encoded in more pieces."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return packed_video(index, frames=(2, 300)[index])


class Frames(BaseMetric):
    """Count frames."""

    default_prefix = 'test'

    def process(self, data_batch, data_samples):
        self.results.extend(sample['similarity'].shape[1] for sample in data_samples)

    def compute_metrics(self, results):
        return {'frames': float(sum(results))}


def loader(dataset, *, batch_size, shuffle):
    return {
        'batch_size': batch_size,
        'num_workers': 0,
        'dataset': {'type': f'{__name__}.{dataset}'},
        'sampler': {'type': 'DefaultSampler', 'shuffle': shuffle},
        'collate_fn': {'type': 'pseudo_collate'},
    }


def runner(ranks, folder, **changes):
    """Return a run of two epochs of two batches of four clips, shared out to all ranks."""
    config = {
        'model': {
            'type': 'stgr.SpatioTemporalGrounder',
            'backbone': {
                'type': 'stgr.CLIPBackbone',
                'source': str(ranks.tiny_clip),
                'frozen': {'text': False, 'vision': 1},
                'gradient_checkpointing': True,
            },
            'selector': {'type': 'stgr.TopKSelector', 'count': 2},
            'loss': {'type': 'stgr.MMSLoss', 'margin': 0.1},
            'global_head': {'type': 'stgr.GlobalHead', 'dim': 8},
            'local_head': {'type': 'stgr.CrossSelfCrossHead', 'dim': 8},
            'local_negatives': 'all',
        },
        'work_dir': str(ranks.folder / folder),
        'train_dataloader': loader('Clips', batch_size=4 // ranks.world, shuffle=False),
        'val_dataloader': loader('Videos', batch_size=1, shuffle=False),
        'train_cfg': {'by_epoch': True, 'max_epochs': 2, 'val_interval': 1},
        'val_cfg': {},
        'val_evaluator': {'type': f'{__name__}.Frames'},
        'optim_wrapper': {
            'type': 'OptimWrapper',
            'optimizer': {'type': 'AdamW', 'lr': 1e-2, 'eps': 1e-3},
            'clip_grad': {'max_norm': 0.5},
        },
        'param_scheduler': [{'type': 'MultiStepLR', 'milestones': [1], 'gamma': 0.5}],
        'custom_hooks': [{'type': 'stgr.CalibrateThresholdsHook'}],
        'randomness': {'seed': 0},
        'log_level': 'ERROR',
        'default_scope': None,
        'launcher': 'pytorch' if ranks.world > 1 else 'none',
        'model_wrapper_cfg': {'type': 'stgr.FullyShardedModel'},
    }
    return GroundingRunner.from_cfg(config | changes)


def uninterrupted(ranks):
    """Train two epochs; return what the last checkpoint holds."""
    runner(ranks, 'whole').train()
    return contents(ranks, 'whole')


def resumed(ranks):
    """Train the second epoch: one process after two, two processes after one."""
    other = ranks.folder / ALONE if ranks.world > 1 else ranks.folder.parent
    first = other / 'whole' / 'epoch_1.pth'
    runner(ranks, 'resumed', resume=True, load_from=str(first)).train()
    return contents(ranks, 'resumed')


def contents(ranks, folder):
    """Return weights and optimizer states of the second epoch, as they lie in the file."""
    if ranks.world > 1:
        dist.barrier()
    saved = read_checkpoint(ranks.folder / folder / 'epoch_2.pth')
    states = saved['optimizer']['state']
    assert all(type(t) is torch.Tensor for state in states.values() for t in state.values())
    assert all(type(t) is torch.Tensor for t in saved['state_dict'].values())
    return {'weights': dict(saved['state_dict']), 'states': states}


CASES = {}
if torch_shards_rightly():
    CASES |= {'uninterrupted': uninterrupted, 'resumed': resumed}
