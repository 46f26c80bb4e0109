"""GroundingYouTube without the exchanged clip limits of its boxes: not what papers scored.

`data/grounding_youtube` also holds `clicks_mean_21k.json`; boxes without a click stay as they are.
"""

from mmengine.config import read_base

with read_base():
    from ..ours_clip import *

from stgr.datasets import GroundingYouTube

test_dataloader.dataset = dict(
    type=GroundingYouTube,
    data_root='data/grounding_youtube',
    repair=True,
    clicks='clicks_mean_21k.json',
    pipeline=test_pipeline,
)
