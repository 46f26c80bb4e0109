"""Where, on the key frames of DALY's 200 test videos; the paper does not say which split.

The metric takes the box around all boxes of an image for its truth; the benchmark's own rule, the
union of the boxes, needs the items' `region_boxes_px`.
"""

from mmengine.config import read_base

with read_base():
    from ..ours_clip import *

from stgr.datasets import DALY

test_dataloader.dataset = dict(
    type=DALY,
    data_root='data/daly',
    split='test',
    videos_dir='videos',
    pipeline=test_pipeline,
)
test_evaluator = dict(
    type=GroundingMetric,
    tasks=['pointing', 'spatial'],
    mask_threshold=0.5,
    normalisation='max',
    controls=['chance', 'centre', 'oracle'],
)
