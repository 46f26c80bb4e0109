"""A run that dies and is resumed ends where the uninterrupted run ends."""

import signal
from pathlib import Path

import pytest
import torch

from stgr.apis.train import train_model
from stgr.engine import GroundingRunner, find_last_checkpoint, read_checkpoint
from stgr.engine.last_checkpoint import find_whole_checkpoint


def _weights(work_dir, epoch=4):
    return read_checkpoint(work_dir / f'epoch_{epoch}.pth')['state_dict']


def _assert_equal(first, second):
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name


@pytest.mark.timeout(900)  # three processes, each importing torch
@pytest.mark.parametrize('workers', [0, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_and_resumed_run_ends_with_the_weights_of_the_uninterrupted_one(
    workers, toy_config, tmp_path, run_tool
):
    options = ['--cfg-options', f'train_dataloader.num_workers={workers}']
    whole, broken = tmp_path / 'whole', tmp_path / 'broken'
    assert run_tool('train.py', toy_config, '--work-dir', whole, *options).returncode == 0
    command = ('train.py', toy_config, '--work-dir', broken, '--resume', *options)

    killed = run_tool(*command, TOY_KILL_AT_STEP='11')  # in the third epoch of four
    assert killed.returncode == -signal.SIGKILL
    assert find_last_checkpoint(broken).name == 'epoch_2.pth'
    resumed = run_tool(*command)

    assert resumed.returncode == 0, resumed.stderr
    assert 'resumed epoch: 2, iter: 8' in resumed.stdout
    _assert_equal(_weights(whole), _weights(broken))


def test_resume_in_process_gives_the_same_weights_in_a_folder_that_was_moved(toy_config, tmp_path):
    keep_all = ['default_hooks.checkpoint.max_keep_ckpts=9']
    train_model(toy_config, work_dir=tmp_path / 'old', overrides=keep_all)
    whole, moved = _weights(tmp_path / 'old'), tmp_path / 'new'
    (tmp_path / 'old').rename(moved)
    for epoch in (3, 4):
        (moved / f'epoch_{epoch}.pth').unlink()
    (moved / 'last_checkpoint').write_text(str(tmp_path / 'old' / 'epoch_2.pth'))

    train_model(toy_config, work_dir=moved, resume='auto', overrides=keep_all)

    assert not (tmp_path / 'old').exists()
    _assert_equal(whole, _weights(moved))


@pytest.mark.parametrize('step', [3, 4], ids=['middle of an epoch', 'its last batch'])
def test_run_resumed_at_any_batch_ends_with_the_weights_of_the_uninterrupted_one(
    step, toy_config, tmp_path
):
    by_step = [
        '+default_hooks.checkpoint.by_epoch=False',
        f'default_hooks.checkpoint.interval={step}',  # of four batches an epoch
        'default_hooks.checkpoint.max_keep_ckpts=9',
    ]
    train_model(toy_config, work_dir=tmp_path / 'a', overrides=by_step)

    start = tmp_path / f'a/iter_{step}.pth'
    runner = train_model(toy_config, work_dir=tmp_path / 'b', resume=start)

    whole = read_checkpoint(tmp_path / 'a/iter_16.pth')['state_dict']
    assert (runner.epoch, runner.iter) == (4, 16)
    _assert_equal(whole, _weights(tmp_path / 'b'))


def test_middle_of_an_epoch_of_other_batches_is_refused(toy_config, tmp_path):
    by_step = [
        '+default_hooks.checkpoint.by_epoch=False',
        'default_hooks.checkpoint.interval=3',
        'train_cfg.max_epochs=1',
    ]
    train_model(toy_config, work_dir=tmp_path, overrides=by_step)

    with pytest.raises(ValueError, match=r'iter_3\.pth was saved after 3 of the 4.*here has 8'):
        train_model(
            toy_config,
            work_dir=tmp_path,
            resume=tmp_path / 'iter_3.pth',
            overrides=['train_dataloader.batch_size=1'],
        )


@pytest.mark.parametrize(
    ('changes', 'here'),
    [
        (['train_dataloader.batch_size=6'], 'of 6 of 10 clips'),
        (['train_dataloader.dataset.count=9'], 'of 5 of 9 clips'),
    ],
    ids=['clips a step', 'clips in all'],
)
def test_as_many_batches_of_other_clips_are_refused_in_the_middle_and_named_after_an_epoch(
    changes, here, toy_config, tmp_path, capfd
):
    two_batches = ['train_dataloader.batch_size=5', 'train_dataloader.dataset.count=10']
    ends = [
        '+default_hooks.checkpoint.by_epoch=False',
        'default_hooks.checkpoint.interval=1',
        'train_cfg.max_epochs=1',
    ]
    train_model(toy_config, work_dir=tmp_path / 'middle', overrides=two_batches + ends)
    with pytest.raises(ValueError, match=f'after 1 of the 2 .*which here has 2, {here}'):
        train_model(
            toy_config,
            work_dir=tmp_path,
            resume=tmp_path / 'middle/iter_1.pth',
            overrides=two_batches + changes,
        )

    train_model(toy_config, work_dir=tmp_path / 'end', overrides=[*two_batches, ends[-1]])
    train_model(
        toy_config,
        work_dir=tmp_path / 'end',
        resume='auto',
        overrides=[*two_batches, *changes, 'train_cfg.max_epochs=2'],
    )
    said = ' '.join(capfd.readouterr().out.split())
    assert f'goes on with {here.removeprefix("of ").removesuffix(" clips")}: what counts' in said


def test_resume_keeps_the_seed_of_the_checkpoint_even_for_the_sampler(load_toy):
    first = GroundingRunner.from_cfg(load_toy('train_cfg.max_epochs=2'))
    first._randomness_cfg = {'seed': 5}
    first.set_randomness(seed=5)
    first.train()

    second = GroundingRunner.from_cfg(load_toy('+resume=True'))
    second.train()

    assert (first.seed, second.seed) == (5, 5)
    assert second.train_dataloader.sampler.seed == 5


def test_resume_auto_without_a_checkpoint_starts_anew_and_says_so(toy_config, tmp_path, capfd):
    runner = train_model(toy_config, work_dir=tmp_path, resume='auto')

    assert runner.epoch == 4
    assert 'nothing to resume' in capfd.readouterr().out


def test_resume_auto_without_a_checkpoint_starts_from_the_weights_the_config_names(
    toy_config, tmp_path
):
    first = train_model(toy_config, work_dir=tmp_path / 'a')
    start = [f'+load_from={tmp_path / "a" / "epoch_4.pth"}', 'optim_wrapper.optimizer.lr=0.0']

    second = train_model(toy_config, work_dir=tmp_path / 'b', resume='auto', overrides=start)

    assert second.epoch == 4
    for one, other in zip(first.model.parameters(), second.model.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=0, rtol=0)


def test_resume_from_a_given_file_starts_at_its_epoch(toy_config, tmp_path, capfd):
    train_model(toy_config, work_dir=tmp_path / 'a')

    runner = train_model(toy_config, work_dir=tmp_path / 'b', resume=tmp_path / 'a/epoch_3.pth')

    assert runner.iter == 16
    assert 'resumed epoch: 3, iter: 12' in capfd.readouterr().out


def _cut(content):
    return content[:2000]


def _with_one_bit_changed(content):
    changed = bytearray(content)
    changed[len(changed) // 2] ^= 1  # in a tensor: torch would load it without a word
    return bytes(changed)


@pytest.mark.parametrize('damage', [_cut, _with_one_bit_changed])
def test_a_damaged_last_checkpoint_is_named_and_the_one_before_used(
    damage, toy_config, tmp_path, capfd
):
    keep_all = ['default_hooks.checkpoint.max_keep_ckpts=9']
    train_model(toy_config, work_dir=tmp_path, overrides=keep_all)
    whole, last = _weights(tmp_path), find_last_checkpoint(tmp_path)
    last.write_bytes(damage(last.read_bytes()))

    train_model(toy_config, work_dir=tmp_path, resume='auto', overrides=keep_all)

    said = ' '.join(capfd.readouterr().out.split())
    assert 'epoch_4.pth is damaged' in said
    assert 'resumed epoch: 3' in said
    _assert_equal(whole, _weights(tmp_path))


def test_weights_alone_do_not_stand_in_for_a_damaged_checkpoint(toy_config, tmp_path):
    keep_all = ['default_hooks.checkpoint.max_keep_ckpts=9', 'train_cfg.max_epochs=2']
    train_model(toy_config, work_dir=tmp_path, overrides=keep_all)
    weights = {'state_dict': _weights(tmp_path, epoch=2), 'meta': {'epoch': 2, 'iter': 9}}
    torch.save(weights, tmp_path / 'best_score_epoch_2.pth')  # as save_best leaves them
    last = find_last_checkpoint(tmp_path)
    last.write_bytes(_cut(last.read_bytes()))

    found, faults = find_whole_checkpoint(tmp_path)

    assert found.name == 'epoch_1.pth'
    assert len(faults) == 1
    assert 'epoch_2.pth is damaged' in faults[0]


def test_damaged_checkpoints_alone_are_all_named(tmp_path):
    for epoch in (1, 2):
        (tmp_path / f'epoch_{epoch}.pth').write_bytes(b'PK')
    (tmp_path / 'last_checkpoint').write_text('epoch_2.pth')

    with pytest.raises(ValueError, match=r'epoch_2\.pth is damaged.*epoch_1\.pth.*none is left'):
        find_whole_checkpoint(tmp_path)


def test_pointer_to_a_checkpoint_that_is_gone_names_the_others(tmp_path):
    (tmp_path / 'epoch_1.pth').touch()
    Path(tmp_path / 'last_checkpoint').write_text('elsewhere/epoch_2.pth')

    with pytest.raises(
        FileNotFoundError, match=r'epoch_2\.pth, which is gone.*there: epoch_1\.pth'
    ):
        find_last_checkpoint(tmp_path)


def test_no_pointer_means_no_last_checkpoint(tmp_path):
    assert find_last_checkpoint(tmp_path) is None
