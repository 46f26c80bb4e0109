"""64 candidate frames (Table 9): 32 seconds around the narration."""

from mmengine.config import read_base

with read_base():
    from ..ours_tiny import *

train_dataloader.dataset.pipeline[0].candidates = 64
