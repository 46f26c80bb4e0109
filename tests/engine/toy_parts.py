"""The smallest model and data that MMEngine can train; imported by toy configs by file."""

import os
import random
import signal
from types import SimpleNamespace

import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from torch.utils.data import Dataset

from stgr.registry import DATASETS, METRICS, MODELS


@DATASETS.register_module()
class ToyClips(Dataset):
    """Eight points; each draw adds noise from Python's generator, so seeds show in the weights."""

    def __init__(self, count=8):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        x = torch.full((3,), float(index)) + random.random()
        sample = SimpleNamespace(video_id=f'clip{index}', start_sec=float(index))
        return {'inputs': x, 'data_samples': sample}


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
        x = torch.stack(inputs)
        y = torch.nn.functional.dropout(self.linear(x), p=0.5)
        bad = int(self.steps) == int(os.environ.get('TOY_NAN_AT_STEP', '-1'))
        return {'loss': (y.mean() - 1).square() * (float('nan') if bad else 1.0)}


@METRICS.register_module()
class ToyMetric(BaseMetric):
    """Count the clips seen."""

    def process(self, data_batch, data_samples):
        self.results.extend(data_samples)

    def compute_metrics(self, results):
        return {'clips': float(len(results))}
