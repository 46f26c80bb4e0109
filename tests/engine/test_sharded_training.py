"""What does not go with a sharded model is refused before it trains."""

import pytest
from mmengine.hooks import CheckpointHook, EMAHook
from torch import nn

from stgr.engine import FullyShardedModel
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
