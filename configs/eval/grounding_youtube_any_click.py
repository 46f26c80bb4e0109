"""GroundingYouTube, with the boxes of every second that anybody clicked (the authors' README).

`data/grounding_youtube` also holds `id2xy_box.json`, whose boxes `seg.json` names.
"""

from mmengine.config import read_base

with read_base():
    from ..ours_clip import *

from stgr.datasets import GroundingYouTube

test_dataloader.dataset = dict(
    type=GroundingYouTube,
    data_root='data/grounding_youtube',
    boxes='any_click',
    pipeline=test_pipeline,
)
