"""One tube for one sentence: how VidSTG and HC-STVG are scored."""

from stgr.evaluation.metrics import GroundingMetric, QueryTubeMetric
from stgr.localizers import HeatMapSpatialLocalizer

tube_evaluator = [
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
