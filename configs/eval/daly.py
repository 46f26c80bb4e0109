"""Where, on the key frames of DALY's 200 test videos; the paper does not say which split."""

from mmengine.config import read_base

with read_base():
    from ..ours_clip import *

from stgr.datasets import DALY
from stgr.evaluation.metrics import BoxedImageMetric

test_dataloader.dataset = dict(
    type=DALY,
    data_root='data/daly',
    split='test',
    videos_dir='videos',
    pipeline=test_pipeline,
)
# The union of a frame's boxes is its truth; trivial predictors stand beside the model.
test_evaluator = dict(
    type=BoxedImageMetric,
    mask_threshold=0.3,
    normalisation='minmax',
    controls=['chance', 'centre'],
)
