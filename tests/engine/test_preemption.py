"""A run that is told to end saves, exits with status 75, and goes on as if nothing had been."""

import signal
import subprocess
import threading
from pathlib import Path

import pytest
import torch

from stgr.apis.train import train_model
from stgr.engine import Preempted, PreemptionHook, find_last_checkpoint, read_checkpoint

_TOOLS = Path(__file__).resolve().parents[2] / 'tools'


def weights(work_dir):
    return read_checkpoint(work_dir / 'epoch_4.pth')['state_dict']


def assert_equal(first, second):
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name


@pytest.fixture
def whole(toy_config, tmp_path):
    """Weights of the uninterrupted run."""
    train_model(toy_config, work_dir=tmp_path / 'whole')
    return weights(tmp_path / 'whole')


@pytest.fixture
def preempted(toy_config, tmp_path, monkeypatch):
    """Return a function that trains until a signal at a step, and returns the end."""

    def train(step, *, name='SIGTERM', **settings):
        monkeypatch.setenv('TOY_PREEMPT_AT_STEP', str(step))
        monkeypatch.setenv('TOY_SIGNAL', name)
        with pytest.raises(Preempted) as end:
            train_model(toy_config, work_dir=tmp_path / 'broken', **settings)
        monkeypatch.delenv('TOY_PREEMPT_AT_STEP')
        return end.value

    return train


def test_sigterm_in_a_process_of_its_own_and_resume_end_with_the_same_weights(
    toy_config, tmp_path, run_tool, whole
):
    broken = tmp_path / 'broken'
    command = ('train.py', toy_config, '--work-dir', broken, '--resume')

    ended = run_tool(*command, TOY_PREEMPT_AT_STEP='10')  # second batch of the third epoch
    assert ended.returncode == 75, ended.stderr
    assert find_last_checkpoint(broken).name == 'preempted.pth'
    resumed = run_tool(*command)

    assert resumed.returncode == 0, resumed.stderr
    assert 'resumed epoch: 2, iter: 10' in resumed.stdout
    assert find_last_checkpoint(broken).name == 'epoch_4.pth'
    assert_equal(weights(broken), whole)


@pytest.mark.parametrize(
    ('step', 'name'),
    [(1, 'SIGTERM'), (8, 'SIGUSR1'), (16, 'SIGTERM')],
    ids=['first batch', 'last batch of an epoch', 'last batch of all'],
)
def test_any_batch_can_be_the_last_before_the_signal(
    step, name, preempted, toy_config, tmp_path, whole
):
    end = preempted(step, name=name)

    assert (end.code, end.signal_name) == (75, name)
    saved = read_checkpoint(end.checkpoint)['meta']
    assert (saved['iter'], saved['epoch']) == (step, (step - 1) // 4)
    runner = train_model(toy_config, work_dir=tmp_path / 'broken', resume='auto')
    assert runner.iter == 16
    assert_equal(weights(tmp_path / 'broken'), whole)


def test_scaler_schedule_and_average_go_on_too(preempted, toy_config, tmp_path):
    settings = {
        'amp': 'fp16',
        'overrides': [
            '+custom_hooks=[{"type":"EMAHook","momentum":0.3}]',
            'param_scheduler=[{"type":"LinearLR","start_factor":0.1,"end":11,"by_epoch":False}]',
        ],
    }
    train_model(toy_config, work_dir=tmp_path / 'whole', **settings)

    preempted(6, **settings)
    train_model(toy_config, work_dir=tmp_path / 'broken', resume='auto', **settings)

    one, other = (read_checkpoint(tmp_path / d / 'epoch_4.pth') for d in ('whole', 'broken'))
    assert_equal(one['state_dict'], other['state_dict'])
    assert_equal(one['ema_state_dict'], other['ema_state_dict'])
    assert one['param_schedulers'] == other['param_schedulers']
    for key in ('loss_scaler', 'param_groups'):
        assert one['optimizer'][key] == other['optimizer'][key]


def test_signals_mean_what_they_meant_once_training_has_ended(preempted, toy_config, tmp_path):
    before = signal.getsignal(signal.SIGTERM)

    preempted(2)
    assert signal.getsignal(signal.SIGTERM) is before
    train_model(toy_config, work_dir=tmp_path / 'b', overrides=['train_cfg.max_epochs=1'])
    assert signal.getsignal(signal.SIGTERM) is before


def test_unknown_signal_is_refused():
    with pytest.raises(ValueError, match="'SIGNOTHING' is no signal"):
        PreemptionHook(signals=['SIGNOTHING'])


def test_training_in_another_thread_says_that_no_signal_is_heeded(toy_config, tmp_path, capfd):
    thread = threading.Thread(
        target=train_model,
        args=(toy_config,),
        kwargs={'work_dir': tmp_path, 'overrides': ['train_cfg.max_epochs=1']},
    )
    thread.start()
    thread.join()

    assert (tmp_path / 'epoch_1.pth').is_file()
    assert 'no signal stops it cleanly' in capfd.readouterr().out


def test_signal_to_all_processes_leaves_the_workers_alive(toy_config, tmp_path, tool_environment):
    command = [_TOOLS / 'train.py', toy_config, '--work-dir', tmp_path, '--resume']
    command += ['--cfg-options', 'train_dataloader.num_workers=1']
    environment = {**tool_environment, 'TOY_PREEMPT_AT_STEP': '6', 'TOY_SIGNAL_TO_GROUP': '1'}

    ended = subprocess.run(
        [tool_environment['PYTHON'], *map(str, command)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        start_new_session=True,
    )

    assert ended.returncode == 75, ended.stderr
    assert read_checkpoint(tmp_path / 'preempted.pth')['meta']['iter'] == 6
