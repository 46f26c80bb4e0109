"""Where, on V-HICO's test images: a person and what the person handles."""

from mmengine.config import read_base

with read_base():
    from .._base_.boxed_images import *
    from ..ours_clip import *

from stgr.datasets import VHICO

test_dataloader.dataset = dict(
    type=VHICO,
    data_root='data/vhico',
    split='test',
    videos_dir='videos',
    pipeline=test_pipeline,
)
test_evaluator = boxed_image_evaluator
