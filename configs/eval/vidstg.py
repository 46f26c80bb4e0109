"""When and where, on VidSTG's test split: sentences and questions about one object.

`data/vidstg` holds the official annotations, VidOR's in `vidor/`, and `videos/`.
"""

from mmengine.config import read_base

with read_base():
    from .._base_.query_tubes import *
    from ..ours_clip import *

from stgr.datasets import VidSTG

test_dataloader.dataset = dict(
    type=VidSTG,
    data_root='data/vidstg',
    annotations='test_annotations.json',
    vidor='vidor',
    videos_dir='videos',
    pipeline=test_pipeline,
)
test_evaluator = tube_evaluator
