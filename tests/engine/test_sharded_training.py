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


@pytest.mark.parametrize(
    ('train_cfg', 'hooks', 'named'),
    [
        ({'max_epochs': 1, 'chunk_clips': 8}, [], 'chunk_clips=8'),
        ({'max_epochs': 1}, [EMAHook()], 'EMAHook'),
        ({'chunk_clips': 8}, [EMAHook()], 'EMAHook.* and chunk_clips=8'),
    ],
)
def test_averaged_shards_and_chunks_of_clips_are_refused(sharded, train_cfg, hooks, named):
    with pytest.raises(ValueError, match=f'does not go with {named}'):
        check_sharded_training(sharded, train_cfg, hooks)


def test_other_hooks_and_other_models_are_not(sharded):
    check_sharded_training(sharded, {'max_epochs': 1, 'chunk_clips': None}, [CheckpointHook()])
    check_sharded_training(nn.Linear(1, 1), {'chunk_clips': 8}, [EMAHook()])
