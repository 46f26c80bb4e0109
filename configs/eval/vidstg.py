"""When and where, on VidSTG's test split: sentences and questions about one object.

`data/vidstg` holds the official annotations, VidOR's in `vidor/`, and `videos/`.
"""

from mmengine.config import read_base

with read_base():
    from ..ours_clip import *

from stgr.datasets import VidSTG
from stgr.evaluation.metrics import QueryTubeMetric
from stgr.localizers import HeatMapSpatialLocalizer

test_dataloader.dataset = dict(
    type=VidSTG,
    data_root='data/vidstg',
    annotations='test_annotations.json',
    vidor='vidor',
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
