"""Hooks: stop on NaN and name the clips, short histories, seeds per epoch, quiet bars."""

import io
import math
import random
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from torch.utils.data import DataLoader, Dataset

from stgr.apis.train import train_model
from stgr.engine import (
    EpochSeedHook,
    GroundingRunner,
    StopOnNanHook,
    TrimHistoryHook,
    epoch_seed,
    find_last_checkpoint,
)


def test_nan_loss_stops_the_run_names_the_clips_and_keeps_the_checkpoint(
    toy_config, tmp_path, monkeypatch
):
    monkeypatch.setenv('TOY_NAN_AT_STEP', '6')

    with pytest.raises(FloatingPointError, match=r'loss=nan at epoch 2, batch 1') as caught:
        train_model(toy_config, work_dir=tmp_path)

    named = str(caught.value).split('clips ')[1].split(';')[0].split(', ')
    assert len(named) == 2
    assert all(name in [f'clip{i}@{i}s' for i in range(8)] for name in named)
    assert find_last_checkpoint(tmp_path).name == 'epoch_1.pth'


@pytest.mark.parametrize('value', [math.inf, -math.inf, math.nan])
def test_any_loss_that_is_not_finite_stops(value):
    runner = SimpleNamespace(epoch=0, work_dir='w')
    outputs = {'loss': torch.tensor(1.0), 'loss_local': torch.tensor(value)}

    with pytest.raises(FloatingPointError, match='loss_local='):
        StopOnNanHook().after_train_iter(runner, 0, data_batch=None, outputs=outputs)


def test_finite_losses_pass():
    hook = StopOnNanHook()
    hook.after_train_iter(SimpleNamespace(), 0, outputs={'loss': torch.tensor(1.0)})
    hook.after_train_iter(SimpleNamespace(), 0, outputs=None)


def test_clips_given_as_objects_are_named():
    sample = SimpleNamespace(video_id='abc', start_sec=1.5)
    runner = SimpleNamespace(epoch=0, work_dir='w')
    batch = {'data_samples': [sample, SimpleNamespace(video_id='d')]}

    with pytest.raises(FloatingPointError, match=r'clips abc@1\.5s, d;'):
        StopOnNanHook().after_train_iter(runner, 0, batch, {'loss': float('nan')})


def test_history_is_cut_to_its_cap_and_keeps_the_newest():
    buffer = HistoryBuffer()
    hub = SimpleNamespace(log_scalars={'loss': buffer})
    for value in range(7):
        TrimHistoryHook(max_length=3).after_train_iter(SimpleNamespace(message_hub=hub), 0)
        buffer.update(value)

    assert buffer.data[0].tolist() == [4, 5, 6]
    with pytest.raises(ValueError, match='max_length=0'):
        TrimHistoryHook(max_length=0)


def test_history_in_a_checkpoint_is_short(load_toy):
    config = load_toy(
        "+default_hooks.trim_history={'type': 'stgr.TrimHistoryHook', 'max_length': 5}"
    )
    runner = GroundingRunner.from_cfg(config)
    runner.train()

    assert len(runner.message_hub.get_scalar('train/loss').data[0]) == 5


class _Draws(Dataset):
    """Each item is what the three generators draw."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return random.random(), np.random.rand(), torch.rand(()).item()  # noqa: NPY002


def _draw_epochs(epochs, *, workers, seed=0):
    loader = DataLoader(
        _Draws(), num_workers=workers, worker_init_fn=epoch_seed, collate_fn=lambda items: items
    )
    drawn = {}
    for epoch in epochs:
        runner = SimpleNamespace(seed=seed, epoch=epoch, train_dataloader=loader)
        EpochSeedHook().before_train_epoch(runner)
        drawn[epoch] = [draw for batch in loader for draws in batch for draw in draws]
    return drawn


@pytest.mark.parametrize('workers', [0, 2])
def test_draws_differ_between_epochs_workers_and_seeds_and_come_back(workers):
    first = _draw_epochs([0, 1, 2], workers=workers)
    resumed = _draw_epochs([2], workers=workers)
    other = _draw_epochs([0], workers=workers, seed=1)

    everything = [draw for draws in first.values() for draw in draws] + other[0]
    assert len(set(everything)) == len(everything)
    assert resumed[2] == first[2]


def test_ranks_draw_differently(monkeypatch):
    first = _draw_epochs([0], workers=0)
    monkeypatch.setattr('stgr.engine.epoch_seeds.get_rank', lambda: 1)

    assert not set(first[0]) & set(_draw_epochs([0], workers=0)[0])


def test_persistent_workers_are_warned_about(load_toy, capfd):
    options = ['train_dataloader.num_workers=1', '+train_dataloader.persistent_workers=true']
    GroundingRunner.from_cfg(load_toy('train_cfg.max_epochs=1', *options)).train()

    assert 'persistent_workers=True: random transforms' in capfd.readouterr().out


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def test_terminal_sees_a_bar_with_the_time_left(toy_config, tmp_path, monkeypatch):
    terminal = _Terminal()
    monkeypatch.setattr(sys, 'stderr', terminal)

    train_model(toy_config, work_dir=tmp_path, overrides=['train_cfg.max_epochs=1'])

    assert 'train: ' in terminal.getvalue()
    assert '4/4' in terminal.getvalue()
    assert '<00:00' in terminal.getvalue()


def test_pipe_sees_no_bar(toy_config, tmp_path, capfd):
    train_model(toy_config, work_dir=tmp_path, overrides=['train_cfg.max_epochs=1'])

    assert 'train: ' not in capfd.readouterr().err
