"""Where, on YouCook-Interactions: the sentence is known, its place is asked for.

`data/youcook_interactions` holds the released pickles, YouCook2's annotations and `videos/`.
"""

from mmengine.config import read_base

with read_base():
    from ..ours_clip import *

from stgr.datasets import YouCookInteractions

test_dataloader.dataset = dict(
    type=YouCookInteractions,
    data_root='data/youcook_interactions',
    pipeline=test_pipeline,
)
# Every scored second has a box, so that only the two scores of places mean anything.
test_evaluator = dict(
    type=GroundingMetric,
    tasks=['pointing', 'spatial'],
    controls=['chance', 'centre', 'oracle'],
    mask_threshold=0.3,
    normalisation='minmax',
)
