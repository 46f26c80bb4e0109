"""One action, on clips of GroundingYouTube: a step of 3 to 20 s with as much on either side.

`data/grounding_youtube` also holds `ground_seg_3to20.json`.
"""

from mmengine.config import read_base

with read_base():
    from ..ours_clip import *

from stgr.datasets import GroundingYouTubeClips
from stgr.evaluation.metrics import SingleActionMetric

test_dataloader.dataset = dict(
    type=GroundingYouTubeClips,
    data_root='data/grounding_youtube',
    pipeline=test_pipeline,
)
test_evaluator = dict(
    type=SingleActionMetric,
    mask_threshold=0.3,
    normalisation='minmax',
    controls=['chance', 'centre', 'oracle'],
)
