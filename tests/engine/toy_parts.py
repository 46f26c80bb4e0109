"""The smallest model and data that MMEngine can train; imported by toy configs by file."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from torch.utils.data import Dataset

from stgr.registry import DATASETS, METRICS, MODELS

if os.environ.get('RANK') == '1':  # what the process of rank 1 alone is to do
    os.environ.update(
        {name[6:]: value for name, value in os.environ.items() if name.startswith('RANK1_')}
    )
if 'TOY_MEETING' in os.environ:  # processes with short time limits begin together
    Path(os.environ['TOY_MEETING'], os.environ['RANK']).touch()
    while len(list(Path(os.environ['TOY_MEETING']).iterdir())) < 2:
        time.sleep(0.01)


@DATASETS.register_module()
class ToyClips(Dataset):
    """Eight points; each draw adds noise from Python's generator, so seeds show in the weights."""

    def __init__(self, count=8):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        _die_in_worker(index)
        x = torch.full((3,), float(index)) + random.random()
        sample = SimpleNamespace(video_id=f'clip{index}', start_sec=float(index))
        return {'inputs': x, 'data_samples': sample}


def _die_in_worker(index):
    """Be killed while loading a clip, as often as the file named in the environment has bytes."""
    left = os.environ.get('TOY_DEATHS_OF_WORKERS')
    if left is None or index != 3 or torch.utils.data.get_worker_info() is None:
        return
    size = Path(left).stat().st_size
    if size:
        os.truncate(left, size - 1)
        os.kill(os.getpid(), getattr(signal, os.environ.get('TOY_SIGNAL', 'SIGKILL')))


@MODELS.register_module()
class ToyModel(BaseModel):
    """A linear map with dropout; the environment can make it die or lose its numbers."""

    def __init__(self, width=1):
        super().__init__()
        self.linear = torch.nn.Linear(3, width)
        self.register_buffer('steps', torch.zeros((), dtype=torch.int64))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        if mode != 'loss':
            return data_samples
        self.steps += 1
        if int(self.steps) == int(os.environ.get('TOY_KILL_AT_STEP', '-1')):
            os.kill(os.getpid(), signal.SIGKILL)
        if int(self.steps) == int(os.environ.get('TOY_STOP_AT_STEP', '-1')):
            os.kill(os.getpid(), signal.SIGSTOP)
        if int(self.steps) == int(os.environ.get('TOY_PREEMPT_AT_STEP', '-1')):
            _send_signal(getattr(signal, os.environ.get('TOY_SIGNAL', 'SIGTERM')))
        x = torch.stack(inputs)
        y = torch.nn.functional.dropout(self.linear(x), p=0.5)
        bad = int(self.steps) == int(os.environ.get('TOY_NAN_AT_STEP', '-1'))
        return {'loss': (y.mean() - 1).square() * (float('nan') if bad else 1.0)}


def _send_signal(number):
    """Send a signal to this process, or with its workers, which must be alive a moment later."""
    if 'TOY_SIGNAL_TO_GROUP' not in os.environ:
        os.kill(os.getpid(), number)
        return
    # By a process of its own, as a cluster does: torch's workers obey their parent differently.
    subprocess.run(['kill', f'-{int(number)}', '--', f'-{os.getpgid(0)}'], check=False)
    time.sleep(0.5)


@METRICS.register_module()
class ToyMetric(BaseMetric):
    """Count the clips seen."""

    def process(self, data_batch, data_samples):
        self.results.extend(data_samples)

    def compute_metrics(self, results):
        return {'clips': float(len(results))}
