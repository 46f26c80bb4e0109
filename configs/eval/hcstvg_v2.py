"""HC-STVG's second version, validation: the boxes of its test split are not published."""

from mmengine.config import read_base

with read_base():
    from .hcstvg_v1 import *

test_dataloader.dataset.data_root = 'data/hcstvg_v2'
test_dataloader.dataset.annotations = 'val_v2.json'
