"""``slurm_train.sh`` queues a job again when it should, with stand-ins for Slurm's commands."""

import os
import subprocess
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).resolve().parents[2] / 'tools' / 'slurm_train.sh'


@pytest.fixture
def submit(tmp_path):
    """Return a function that runs the script where srun ends so; returns status and commands."""
    log = tmp_path / 'log'

    def run(status, state):
        bodies = {
            'srun': f'echo "srun $@ port=$MASTER_PORT at=$MASTER_ADDR" >> {log}; exit {status}',
            'squeue': f'echo {state}',
            'scontrol': f'[ "$1" = show ] && echo node7 || echo "scontrol $@" >> {log}',
        }
        for name, body in bodies.items():
            (tmp_path / name).write_text(f'#!/bin/sh\n{body}\n')
            (tmp_path / name).chmod(0o755)
        environment = {
            'PATH': f'{tmp_path}{os.pathsep}{os.environ["PATH"]}',
            'SLURM_JOB_ID': '41',
            'SLURM_JOB_NODELIST': 'node[7-8]',
        }
        command = [str(_SCRIPT), 'some_config.py', '--amp', 'bf16']
        done = subprocess.run(command, env=environment, check=False, timeout=60)
        return done.returncode, log.read_text().splitlines()

    return run


def test_job_whose_time_is_up_is_queued_again(submit):
    status, commands = submit(75, 'RUNNING')

    assert status == 75
    assert commands[0].endswith(
        'python tools/train.py some_config.py --amp bf16 --launcher slurm --resume '
        'port=20041 at=node7'
    )
    assert commands[1:] == ['scontrol requeue 41']


@pytest.mark.parametrize(
    ('status', 'state'),
    [(0, 'RUNNING'), (1, 'RUNNING'), (75, 'COMPLETING')],
    ids=['done', 'failed', 'cancelled or preempted'],
)
def test_other_jobs_are_not(status, state, submit):
    found, commands = submit(status, state)

    assert found == status
    assert len(commands) == 1
