"""Runs that change their number of ranks in an epoch, with ``DistributedDataParallel``."""

import copy

import torch
import torch.distributed as dist
from mmengine.hooks import Hook
from two_ranks.ranks import ALONE
from two_ranks.sharded_runs import loader, runner

from stgr.engine import read_checkpoint
from stgr.ops.gather import all_gather

CHANGES = {
    'train_cfg': {'by_epoch': True, 'max_epochs': 2},
    'val_dataloader': None,
    'val_cfg': None,
    'val_evaluator': None,
    'custom_hooks': [{'type': 'EMAHook', 'momentum': 0.25}],
    'default_hooks': {'checkpoint': {'type': 'CheckpointHook', 'by_epoch': False, 'interval': 1}},
    'param_scheduler': [
        {'type': 'LinearLR', 'start_factor': 0.25, 'by_epoch': False, 'end': 3},
        {'type': 'MultiStepLR', 'milestones': [1], 'gamma': 0.5},
    ],
    'model_wrapper_cfg': None,
}


class Watch(Hook):
    """Keeps the clips of each batch, and what training starts from."""

    def __init__(self):
        self.clips = []

    def before_train(self, runner):
        model = getattr(runner.model, 'module', runner.model)
        self.start = {
            'last weights': {f'module.{n}': v.clone() for n, v in model.state_dict().items()},
            'optimizer': copy.deepcopy(runner.optim_wrapper.state_dict()),
            'param_schedulers': [scheduler.state_dict() for scheduler in runner.param_schedulers],
            'position': [runner.epoch, runner.iter],
        }

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.clips.append([int(each.video_id.lstrip('v')) for each in data_batch['data_samples']])


def train(ranks, folder, **changes):
    """Train; return the clips of each step, of all ranks, and what the last checkpoint holds."""
    watch, loading = Watch(), loader('Clips', batch_size=4 // ranks.world, shuffle=True)
    loading['dataset']['type'] = 'two_ranks.sharded_runs.Clips'
    run = runner(ranks, folder, **CHANGES, train_dataloader=loading, **changes)
    run.register_hook(watch)
    run.train()
    if ranks.world > 1:
        dist.barrier()
    saved = read_checkpoint(ranks.folder / folder / 'iter_4.pth')
    names = ('state_dict', 'ema_state_dict', 'optimizer')
    clips = all_gather(torch.tensor(watch.clips).T).sort(dim=0).values.T
    return watch.start, {'clips': clips} | {name: saved[name] for name in names}


def uninterrupted(ranks):
    """Train two epochs of two batches."""
    return train(ranks, 'all of it')[1]


def resumed(ranks):
    """Train the last three batches: one process after two, two processes after one."""
    other = ranks.folder / ALONE if ranks.world > 1 else ranks.folder.parent
    file = other / 'all of it' / 'iter_1.pth'
    start, found = train(ranks, 'the rest', resume=True, load_from=str(file))
    saved = read_checkpoint(file)
    assert start['position'] == [0, 1]
    assert start['param_schedulers'] == saved['param_schedulers']
    last = {name: saved['ema_state_dict'][name] for name in start['last weights']}
    torch.testing.assert_close(start['last weights'], last, atol=0, rtol=0)
    torch.testing.assert_close(start['optimizer'], saved['optimizer'], atol=0, rtol=0)
    return found


CASES = {'uninterrupted': uninterrupted, 'resumed in the middle': resumed}
