"""Patches are the tokens of the last layer, as in the paper: here they describe the whole picture.

They need a store of their own: ``stgr extract configs/ablations/tiny_last_patches.py``.
"""

from mmengine.config import read_base

with read_base():
    from ..ours_tiny import *

model.backbone.patch_tokens = 'last'
for _loader in (train_dataloader, val_dataloader, test_dataloader):
    for _transform in _loader.dataset.pipeline:
        if 'store_dir' in _transform:
            _transform['store_dir'] = 'data/tiny_kitchen/features_last'
