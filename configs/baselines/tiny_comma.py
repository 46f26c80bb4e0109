"""CoMMA on the tiny CLIP: the local branch alone, MIL-NCE, two seconds of the narration."""

from mmengine.config import read_base

with read_base():
    from ..ours_tiny import *

from stgr.datasets.transforms import SampleClip
from stgr.models.losses import MILNCELoss
from stgr.models.selectors import AllFrames

model.global_head = None
model.local_head.cosine_at_eval = False  # as in ablations/tiny_local_only.py
model.local_loss = dict(type=MILNCELoss)
model.selector = dict(type=AllFrames)
train_dataloader.dataset.pipeline[0] = dict(type=SampleClip, candidates=4, fps=2, window='inside')
