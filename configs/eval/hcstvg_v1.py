"""When and where, on the test split of HC-STVG's first version."""

from mmengine.config import read_base

with read_base():
    from ..ours_clip import *

from stgr.datasets import HCSTVG
from stgr.evaluation.metrics import QueryTubeMetric
from stgr.localizers import HeatMapSpatialLocalizer

test_dataloader.dataset = dict(
    type=HCSTVG,
    data_root='data/hcstvg_v1',
    annotations='test.json',
    videos_dir='videos',
    pipeline=test_pipeline,
)
test_evaluator = [
    dict(type=QueryTubeMetric, localizer=dict(type=HeatMapSpatialLocalizer)),
    # The same frames as those of a video with one action, with trivial predictors beside them.
    dict(
        type=GroundingMetric,
        tasks=['iou_point', 'pointing', 'spatial'],
        controls=['chance', 'centre', 'oracle'],
        mask_threshold=0.3,
        normalisation='minmax',
    ),
]
