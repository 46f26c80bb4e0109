"""Data workers that are killed cost time, and nothing else; if it does not end, it is said."""

import os
import signal
import time

import pytest
import torch

from stgr.apis.train import evaluate_checkpoint, train_model
from stgr.engine import find_last_checkpoint, read_checkpoint
from stgr.engine.worker_batches import DataWorkerError, WorkerBatches

WORKERS = ['train_dataloader.num_workers=2', 'train_cfg.max_epochs=2']


def weights(work_dir):
    return read_checkpoint(work_dir / 'epoch_2.pth')['state_dict']


@pytest.fixture
def die(tmp_path, monkeypatch):
    """Return a function after which workers that load clip 3 are killed so many times."""

    def die(times, by='SIGKILL'):
        (tmp_path / 'deaths').write_bytes(b'.' * times)
        monkeypatch.setenv('TOY_DEATHS_OF_WORKERS', str(tmp_path / 'deaths'))
        monkeypatch.setenv('TOY_SIGNAL', by)

    return die


@pytest.fixture
def seeded_by_index(monkeypatch):
    """Let clips follow from their index, as those of our data sets do, not from their worker."""
    import toy_parts

    monkeypatch.setattr(toy_parts.random, 'random', lambda: 0.5)


@pytest.mark.usefixtures('seeded_by_index')
@pytest.mark.parametrize('persistent', [False, True])
def test_a_killed_worker_is_replaced_and_the_weights_are_those_of_a_quiet_night(
    persistent, die, toy_config, tmp_path, capfd
):
    options = [*WORKERS, f'+train_dataloader.persistent_workers={persistent}']
    train_model(toy_config, work_dir=tmp_path / 'quiet', overrides=options)
    assert 'was killed' not in capfd.readouterr().out

    die(times=2)
    train_model(toy_config, work_dir=tmp_path / 'killed', overrides=options)

    said = ' '.join(capfd.readouterr().out.split())
    assert said.count('a data worker was killed (SIGKILL); the system kills what takes too') == 2
    assert (tmp_path / 'deaths').read_bytes() == b''
    quiet, killed = weights(tmp_path / 'quiet'), weights(tmp_path / 'killed')
    assert all(torch.equal(quiet[name], killed[name]) for name in quiet)


@pytest.mark.parametrize(
    ('by', 'advice'), [('SIGKILL', 'lower num_workers'), ('SIGSEGV', "reader='isolated'")]
)
def test_workers_that_die_again_and_again_end_the_run_in_one_line_and_it_resumes(
    by, advice, die, toy_config, tmp_path, run_main
):
    command = [toy_config, '--work-dir', tmp_path / 'run', '--resume', '--cfg-options', *WORKERS]
    train_model(toy_config, work_dir=tmp_path / 'run', overrides=['train_cfg.max_epochs=1'])
    die(times=9, by=by)

    status, said = run_main(*command)

    assert status == 1
    (line,) = [line for line in said.splitlines() if 'error: ' in line]
    assert '3 times in a row a data worker was killed (' + by in line
    assert advice in line
    assert '--resume the last checkpoint in' in line
    assert 'in train_model' not in said  # no traceback of ours; workers may leave lines
    assert find_last_checkpoint(tmp_path / 'run').name == 'epoch_1.pth'
    die(times=0)
    assert run_main(*command)[0] == 0
    assert find_last_checkpoint(tmp_path / 'run').name == 'epoch_2.pth'


def test_workers_killed_again_and_again_in_a_test_end_it_with_what_to_do(die, toy_config, tmp_path):
    train_model(toy_config, work_dir=tmp_path, overrides=['train_cfg.max_epochs=1'])
    die(times=9)

    with pytest.raises(
        DataWorkerError, match=r'3 times in a row a data worker was killed \(SIGKILL\).*num_workers'
    ):
        evaluate_checkpoint(
            toy_config,
            tmp_path / 'epoch_1.pth',
            work_dir=tmp_path / 'test',
            overrides=['test_dataloader.num_workers=1'],
        )


@pytest.mark.parametrize('split', ['val', 'test'])
def test_a_worker_killed_while_a_model_is_scored_is_replaced_and_every_clip_counts_once(
    split, die, toy_config, tmp_path, capfd
):
    config = tmp_path / 'scored.py'
    config.write_text(
        toy_config.read_text()
        + 'val_dataloader, val_evaluator, val_cfg = test_dataloader, test_evaluator, {}\n'
        "for _loader in (val_dataloader, test_dataloader):\n    _loader['num_workers'] = 2\n"
        "train_cfg['max_epochs'] = 1\n"
    )
    train_model(toy_config, work_dir=tmp_path, overrides=['train_cfg.max_epochs=1'])
    die(times=2)

    if split == 'val':
        train_model(config, work_dir=tmp_path / 'val')
    else:
        found = evaluate_checkpoint(config, tmp_path / 'epoch_1.pth', work_dir=tmp_path / 'test')
        assert found == {'clips': 4}

    assert (tmp_path / 'deaths').read_bytes() == b''
    said = ' '.join(capfd.readouterr().out.split())
    assert said.count('a data worker was killed (SIGKILL)') == 2
    assert 'clips: 4.0' in said


class Slow(torch.utils.data.Dataset):
    """Each item is the process that loads it."""

    def __len__(self):
        return 100

    def __getitem__(self, index):
        return os.getpid()


def test_a_death_during_a_step_is_not_told_before_the_next_batch_is_fetched():
    loader = torch.utils.data.DataLoader(Slow(), batch_size=1, num_workers=1)
    before = signal.getsignal(signal.SIGCHLD)

    with WorkerBatches(loader, 5) as batches:
        os.kill(int(batches.fetch()), signal.SIGKILL)
        time.sleep(0.3)  # the step: torch's own handler would raise here
        with pytest.raises(DataWorkerError, match='SIGKILL'):
            batches.fetch()
        batches.restart(99)
        assert int(batches.fetch()) > 0
        with pytest.raises(StopIteration):
            batches.fetch()

    assert before in (signal.SIG_DFL, signal.getsignal(signal.SIGCHLD))
