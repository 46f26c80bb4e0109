"""A full disk or a kill while saving leaves the last good checkpoint in place."""

import errno
import resource
from pathlib import Path

import pytest
import torch

from stgr.engine import GroundingRunner, find_last_checkpoint, read_checkpoint
from stgr.io.atomic import PARTIAL_PREFIX


def _disk_full_in_epoch(monkeypatch, epoch):
    """Let the local back end write half of a checkpoint of ``epoch`` and then run out of space."""
    from mmengine.fileio import LocalBackend

    real_put = LocalBackend.put

    def put(self, obj, filepath):
        if f'epoch_{epoch}.pth' in str(filepath):
            Path(filepath).write_bytes(obj[: len(obj) // 2])
            raise OSError(errno.ENOSPC, 'No space left on device')
        real_put(self, obj, filepath)

    monkeypatch.setattr(LocalBackend, 'put', put)


def test_full_disk_keeps_the_only_checkpoint_and_says_what_to_do(load_toy, tmp_path, monkeypatch):
    _disk_full_in_epoch(monkeypatch, 3)
    config = load_toy('default_hooks.checkpoint.max_keep_ckpts=1')

    with pytest.raises(OSError, match=r'epoch_3\.pth \(No space left.*make room and --resume'):
        GroundingRunner.from_cfg(config).train()

    assert [file.name for file in tmp_path.glob('*.pth')] == ['epoch_2.pth']
    assert not list(tmp_path.glob(f'{PARTIAL_PREFIX}*'))
    last = find_last_checkpoint(tmp_path)
    assert read_checkpoint(last)['meta']['epoch'] == 2


@pytest.fixture
def small_disk():
    """Return a function after which no file of this process may become larger than that."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_disk_that_really_takes_no_more_keeps_the_old_checkpoint_and_it_resumes(
    load_toy, tmp_path, small_disk
):
    GroundingRunner.from_cfg(load_toy('train_cfg.max_epochs=2')).train()
    old = (tmp_path / 'epoch_2.pth').read_bytes()
    small_disk(len(old) // 2)

    with pytest.raises(OSError, match=r'epoch_3\.pth.*earlier checkpoints are intact: make room'):
        GroundingRunner.from_cfg(load_toy('+resume=True')).train()

    small_disk(1 << 30)
    assert (tmp_path / 'epoch_2.pth').read_bytes() == old
    assert not list(tmp_path.glob(f'{PARTIAL_PREFIX}*'))
    runner = GroundingRunner.from_cfg(load_toy('+resume=True'))
    runner.train()
    assert runner.epoch == 4


def test_old_checkpoint_is_removed_only_after_the_new_one_is_there(load_toy, tmp_path, monkeypatch):
    config = load_toy('default_hooks.checkpoint.max_keep_ckpts=1')
    runner = GroundingRunner.from_cfg(config)
    seen = []
    save = runner.save_checkpoint
    monkeypatch.setattr(
        runner,
        'save_checkpoint',
        lambda *a, **k: (save(*a, **k), seen.append(len(list(tmp_path.glob('*.pth'))))),
    )

    runner.train()

    assert seen == [1, 2, 2, 2]
    assert [file.name for file in tmp_path.glob('*.pth')] == ['epoch_4.pth']


@pytest.mark.parametrize('keep', [1, 2, 3])
def test_a_run_in_two_halves_keeps_as_many_checkpoints_as_asked(keep, load_toy, tmp_path):
    option = f'default_hooks.checkpoint.max_keep_ckpts={keep}'
    GroundingRunner.from_cfg(load_toy(option, 'train_cfg.max_epochs=2')).train()
    GroundingRunner.from_cfg(load_toy(option, '+resume=True')).train()

    kept = sorted(file.name for file in tmp_path.glob('*.pth'))
    assert kept == [f'epoch_{epoch}.pth' for epoch in range(5 - keep, 5)]


def test_what_a_killed_run_left_half_written_is_cleared_away(load_toy, tmp_path):
    (tmp_path / f'{PARTIAL_PREFIX}epoch_7.pth').write_bytes(b'half')

    GroundingRunner.from_cfg(load_toy('train_cfg.max_epochs=1')).train()

    assert not list(tmp_path.glob(f'{PARTIAL_PREFIX}*'))


def test_published_checkpoint_holds_the_weights_alone(load_toy, tmp_path):
    published = "+default_hooks.checkpoint.published_keys=['state_dict']"
    runner = GroundingRunner.from_cfg(load_toy('train_cfg.max_epochs=1', published))
    runner.train()

    (file,) = tmp_path.glob('epoch_1-*.pth')
    assert torch.load(file, weights_only=True).keys() == {'state_dict'}
