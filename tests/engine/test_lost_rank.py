"""One process of two is killed or hangs: the other ends soon and says so, and the job resumes."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stgr.apis.train import train_model
from stgr.engine import find_last_checkpoint

pytestmark = [pytest.mark.dist, pytest.mark.timeout(300)]

_TOOLS = Path(__file__).resolve().parents[2] / 'tools'
ENDED = 'as another one has ended'
SILENT = 'as another one does not answer'


def of_rank_one(environment, **variables):
    """Return an environment in which only the process of rank 1 has some variables."""
    told = {f'RANK1_{name}': value for name, value in variables.items()}
    return {**environment, **told, 'OMP_NUM_THREADS': '1'}


def errors(said):
    return [line for line in said.splitlines() if 'error: ' in line]


def test_a_killed_rank_ends_the_job_in_a_line_and_it_resumes_from_the_last_checkpoint(
    toy_config, tmp_path, tool_environment
):
    started = time.monotonic()
    ended = subprocess.run(
        [_TOOLS / 'dist_train.sh', toy_config, '2', '--work-dir', tmp_path, '--resume'],
        env=of_rank_one(tool_environment, TOY_KILL_AT_STEP='5'),  # in the third epoch
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert time.monotonic() - started < 120
    assert ended.returncode == 1
    (line,) = errors(ended.stderr)
    assert 'process 0 of 2 stops, ' + ENDED in line
    assert f'--resume goes on from the last checkpoint in {tmp_path} (epoch_2.pth)' in line
    assert 'pair.cc' not in ended.stderr  # gloo's own traceback
    assert find_last_checkpoint(tmp_path).name == 'epoch_2.pth'
    twice_the_batch = ['train_dataloader.batch_size=4']
    runner = train_model(toy_config, work_dir=tmp_path, resume='auto', overrides=twice_the_batch)
    assert (runner.epoch, runner.iter) == (4, 8)


def test_a_rank_that_hangs_is_given_up_after_the_time_that_the_config_says(
    toy_config, tmp_path, tool_environment
):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, _TOOLS / 'train.py', toy_config, '--work-dir', tmp_path]
    command += ['--launcher', 'pytorch', '--cfg-options', '+env_cfg.dist_cfg.timeout=5']
    (tmp_path / 'meeting').mkdir()
    meeting = {'WORLD_SIZE': '2', 'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': port}
    meeting['TOY_MEETING'] = str(tmp_path / 'meeting')
    environment = of_rank_one(tool_environment, TOY_STOP_AT_STEP='3') | meeting
    ranks = [
        subprocess.Popen(
            command, env=environment | {'RANK': rank, 'LOCAL_RANK': rank},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for rank in '01'
    ]  # fmt: skip
    try:
        said = ranks[0].communicate(timeout=200)[1]
    finally:
        os.kill(ranks[1].pid, signal.SIGKILL)
        ranks[1].communicate()

    assert ranks[0].returncode == 1, said[-3000:]
    (line,) = errors(said)
    assert 'process 0 of 2 stops, ' + SILENT in line
    assert '(epoch_1.pth)' in line
