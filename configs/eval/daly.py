"""Where, on the key frames of DALY's 200 test videos; the paper does not say which split."""

from mmengine.config import read_base

with read_base():
    from .._base_.boxed_images import *
    from ..ours_clip import *

from stgr.datasets import DALY

test_dataloader.dataset = dict(
    type=DALY,
    data_root='data/daly',
    split='test',
    videos_dir='videos',
    pipeline=test_pipeline,
)
test_evaluator = boxed_image_evaluator
