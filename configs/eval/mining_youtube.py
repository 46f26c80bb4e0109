"""When, on MiningYouTube: the paper's CLIP model asked for the 512 steps of cooking videos.

`data/mining_youtube` holds the released files (`annotations.tar.gz` as it is) and `videos/`.
The order of the steps is known and when they happen is asked for; beside that, the label of every
second without that order. Nothing is annotated in space.
"""

from mmengine.config import read_base

with read_base():
    from ..ours_clip import *

from stgr.datasets import MiningYouTube
from stgr.evaluation.metrics import AlignmentMetric

test_dataloader.dataset = dict(
    type=MiningYouTube,
    data_root='data/mining_youtube',
    pipeline=test_pipeline,
)
test_evaluator = [
    dict(type=AlignmentMetric),
    dict(type=GroundingMetric, tasks=['labels'], controls=['chance', 'all_background']),
]
