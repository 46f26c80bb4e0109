"""When and where, on the test split of HC-STVG's first version."""

from mmengine.config import read_base

with read_base():
    from .._base_.query_tubes import *
    from ..ours_clip import *

from stgr.datasets import HCSTVG

test_dataloader.dataset = dict(
    type=HCSTVG,
    data_root='data/hcstvg_v1',
    annotations='test.json',
    videos_dir='videos',
    pipeline=test_pipeline,
)
test_evaluator = tube_evaluator
