"""What does not go with a sharded model is refused before it trains."""

import pytest
import torch
from mmengine.hooks import CheckpointHook, EMAHook
from torch import nn

from stgr.engine import FullyShardedModel, fully_sharded_model
from stgr.engine.fully_sharded_model import check_sharded_training


@pytest.fixture
def sharded():
    model = FullyShardedModel.__new__(FullyShardedModel)  # its constructor needs processes
    nn.Module.__init__(model)
    return model


def test_averaging_by_a_copy_of_the_shards_is_refused(sharded):
    with pytest.raises(ValueError, match='does not go with EMAHook'):
        check_sharded_training(sharded, [CheckpointHook(), EMAHook()])


def test_other_hooks_and_other_models_are_not(sharded):
    check_sharded_training(sharded, [CheckpointHook()])
    check_sharded_training(nn.Linear(1, 1), [EMAHook()])


def test_a_torch_with_wrong_gradients_is_refused(monkeypatch):
    monkeypatch.setattr('torch.distributed.is_initialized', lambda: True)
    monkeypatch.setattr(torch, '__version__', '2.9.1+cu128')

    with pytest.raises(RuntimeError, match=r'needs torch 2\.10 or later, not 2\.9\.1'):
        FullyShardedModel(nn.Linear(1, 1))


def test_the_tested_torch_is_not(monkeypatch):
    monkeypatch.setattr(torch, '__version__', '2.10.0+cpu')

    assert fully_sharded_model.torch_shards_rightly()
