"""Starting several processes: who joins, what is said, and that two ranks train on a CPU."""

import os
import subprocess
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from stgr.engine import FullyShardedModel, read_checkpoint
from stgr.engine.distributed import (
    init_distributed,
    model_wrapper_config,
    rank_and_world_size,
)

_TOOLS = Path(__file__).resolve().parents[2] / 'tools'


def test_one_process_joins_nothing():
    init_distributed('none')

    assert not dist.is_initialized()


def test_unknown_launcher_and_missing_variables_are_named(monkeypatch):
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK'):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(ValueError, match=r"'pbs' is unknown; choose one of none, pytorch, slurm"):
        init_distributed('pbs')
    with pytest.raises(ValueError, match=r'needs RANK, WORLD_SIZE, LOCAL_RANK.*torchrun'):
        init_distributed('pytorch')


def test_slurm_variables_are_adopted(monkeypatch):
    monkeypatch.setattr(dist, 'init_process_group', lambda *a, **k: None)
    monkeypatch.setenv('SLURM_PROCID', '3')
    monkeypatch.setenv('SLURM_NTASKS', '8')
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR', 'MASTER_PORT'):
        monkeypatch.setenv(name, 'x')
        monkeypatch.delenv(name)

    init_distributed('slurm')

    import os

    names = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR')
    assert [os.environ[name] for name in names] == ['3', '8', '0', '127.0.0.1']


def test_wrapper_keeps_what_the_config_says_and_drops_devices_without_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    given = {'find_unused_parameters': True}

    wrapper = model_wrapper_config(given)

    assert wrapper['device_ids'] is None
    assert wrapper['find_unused_parameters'] is True
    assert given == {'find_unused_parameters': True}


def test_sharding_wrapper_may_be_a_class_and_knows_no_devices():
    wrapper = model_wrapper_config({'type': FullyShardedModel, 'layer_dtype': 'bfloat16'})

    assert wrapper == {'type': 'stgr.FullyShardedModel', 'layer_dtype': 'bfloat16'}
    with pytest.raises(ValueError, match='must be a registered wrapper'):
        model_wrapper_config({'type': torch.nn.Linear})


def test_sharding_of_one_process_is_refused():
    with pytest.raises(RuntimeError, match=r'several processes; use tools/dist_train\.sh'):
        FullyShardedModel(torch.nn.Linear(1, 1))


@pytest.mark.timeout(900)  # four processes, each importing torch
@pytest.mark.dist
def test_a_cluster_job_of_two_ranks_is_preempted_queued_again_and_goes_on(
    toy_config, tmp_path, tool_environment
):
    """``slurm_train.sh`` twice, with stand-ins for Slurm's commands."""
    start = 'for i in 0 1; do SLURM_PROCID=$i SLURM_LOCALID=$i SLURM_NTASKS=2 "$@" & done'
    end = 'for job in $(jobs -p); do wait $job || status=$?; done; exit ${status:-0}'
    bodies = {
        'srun': f'while [[ $1 == -* ]]; do shift; done; {start}; {end}',
        'squeue': 'echo RUNNING',
        'scontrol': f'[ $1 = show ] && echo 127.0.0.1 || echo "$@" >> {tmp_path}/queued',
    }
    for name, body in bodies.items():
        (tmp_path / name).write_text(f'#!/bin/bash\n{body}\n')
        (tmp_path / name).chmod(0o755)
    job = {'SLURM_JOB_ID': str(os.getpid()), 'SLURM_JOB_NODELIST': 'n', 'OMP_NUM_THREADS': '1'}
    job |= {'PATH': f'{tmp_path}:{os.environ["PATH"]}', 'SLURM_SUBMIT_DIR': str(_TOOLS.parent)}
    script = [_TOOLS / 'slurm_train.sh', toy_config, '--work-dir', tmp_path / 'run']

    def submit(**environment):
        environment = tool_environment | job | environment
        done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    assert submit(TOY_PREEMPT_AT_STEP='3')[0] == 75
    assert (tmp_path / 'queued').read_text() == f'requeue {os.getpid()}\n'
    assert read_checkpoint(tmp_path / 'run/preempted.pth')['meta']['epoch_batches'] == [1, 2]

    status, said = submit()
    assert status == 0, said
    assert read_checkpoint(tmp_path / 'run/epoch_4.pth')['meta']['iter'] == 8


@pytest.mark.slow
@pytest.mark.dist
@pytest.mark.parametrize('wrapper', ['MMDistributedDataParallel', 'stgr.FullyShardedModel'])
def test_two_ranks_train_through_the_shell_script(wrapper, toy_config, tmp_path, tool_environment):
    command = [_TOOLS / 'dist_train.sh', toy_config, '2', '--work-dir', tmp_path]
    command += ['--cfg-options', f'+model_wrapper_cfg.type={wrapper}']

    done = subprocess.run(
        command, env=tool_environment, capture_output=True, text=True, timeout=200, check=False
    )

    assert done.returncode == 0, done.stderr
    saved = read_checkpoint(tmp_path / 'epoch_4.pth')
    assert saved['meta']['iter'] == 8  # four clips a rank, batches of two, four epochs

    command = [_TOOLS / 'dist_test.sh', toy_config, tmp_path / 'epoch_4.pth', '2']
    command += ['--work-dir', tmp_path / 'test']
    done = subprocess.run(
        command, env=tool_environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    assert 'clips: 4.0000' in done.stdout


@pytest.mark.parametrize(
    ('launcher', 'variables', 'expected'),
    [
        ('none', {'RANK': '1', 'WORLD_SIZE': '4'}, (0, 1)),
        ('pytorch', {'RANK': '1', 'WORLD_SIZE': '4', 'LOCAL_RANK': '1'}, (1, 4)),
        ('slurm', {'SLURM_PROCID': '5', 'SLURM_NTASKS': '8', 'SLURM_LOCALID': '1'}, (5, 8)),
        ('mpi', {'OMPI_COMM_WORLD_RANK': '2', 'OMPI_COMM_WORLD_SIZE': '3'}, (2, 3)),
        ('mpi', {'PMI_RANK': '2', 'PMI_SIZE': '3', 'RANK': '1'}, (1, 3)),
    ],
)
def test_rank_is_known_without_a_process_group(launcher, variables, expected, monkeypatch):
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR', 'MASTER_PORT'):
        monkeypatch.setenv(name, 'to be restored')
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert rank_and_world_size(launcher) == expected


@pytest.mark.parametrize(
    ('launcher', 'message'),
    [('pbs', 'unknown'), ('pytorch', 'needs RANK'), ('mpi', 'start with mpirun')],
)
def test_rank_of_a_launcher_that_did_not_start_us_is_refused(launcher, message, monkeypatch):
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK'):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(ValueError, match=message):
        rank_and_world_size(launcher)


@pytest.mark.parametrize(
    ('tool', 'arguments'),
    [
        ('dist_train.sh', ['ours_tiny', '--work-dir', 'x']),
        ('dist_train.sh', ['ours_tiny', '0']),
        ('dist_test.sh', ['ours_tiny', '4', '--work-dir', 'x']),  # the checkpoint is forgotten
    ],
)
def test_a_forgotten_number_of_gpus_gets_the_usage(tool, arguments):
    found = subprocess.run(
        [_TOOLS / tool, *arguments], capture_output=True, text=True, timeout=60, check=False
    )

    assert found.returncode == 2
    assert found.stderr.startswith(f'usage: {_TOOLS / tool} CONFIG ')
    assert len(found.stderr.splitlines()) == 1
