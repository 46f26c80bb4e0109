"""Frame selection of Table 5: none."""

from mmengine.config import read_base

with read_base():
    from ..ours_tiny import *

from stgr.datasets.transforms import SampleClip
from stgr.models.selectors import AllFrames

# As many candidates as frames are kept, and all of them inside the narration's time.
train_dataloader.dataset.pipeline[0] = dict(type=SampleClip, candidates=2, fps=2, window='inside')
model.selector = dict(type=AllFrames)
