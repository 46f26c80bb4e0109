"""Where, on V-HICO's test images: a person and what the person handles."""

from mmengine.config import read_base

with read_base():
    from ..ours_clip import *

from stgr.datasets import VHICO
from stgr.evaluation.metrics import BoxedImageMetric

test_dataloader.dataset = dict(
    type=VHICO,
    data_root='data/vhico',
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
