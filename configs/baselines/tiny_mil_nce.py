"""MIL-NCE on the tiny CLIP: one global branch, its own loss, two seconds of the narration.

Space is the similarity of patch and sentence, as the paper evaluates it.
"""

from mmengine.config import read_base

with read_base():
    from ..ours_tiny import *

from stgr.datasets.transforms import SampleClip
from stgr.models.losses import MILNCELoss
from stgr.models.selectors import AllFrames

model.local_head = None
model.selector = dict(type=AllFrames)
model.loss = dict(type=MILNCELoss, temperature=60)
train_dataloader.dataset.pipeline[0] = dict(type=SampleClip, candidates=4, fps=2, window='inside')
