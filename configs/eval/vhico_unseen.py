"""Where, on V-HICO's images of actions that its training videos do not show.

The metric takes the box around all boxes of an image for its truth; the benchmark's own rule, the
union of the boxes, needs the items' `region_boxes_px`.
"""

from mmengine.config import read_base

with read_base():
    from ..ours_clip import *

from stgr.datasets import VHICO

test_dataloader.dataset = dict(
    type=VHICO,
    data_root='data/vhico',
    split='unseen',
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
