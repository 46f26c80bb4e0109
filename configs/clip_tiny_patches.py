"""Second stage of ``clip_tiny``: teach the patches too, in scenes only, from the first stage on.

`python tools/model_zoo/make_clip_tiny.py OUT` runs both stages.
"""

from mmengine.config import read_base
from mmengine.optim import CosineAnnealingLR, LinearLR

with read_base():
    from .clip_tiny import *

_STEPS = 4000

load_from = 'work_dirs/clip_tiny/clip_tiny/iter_16000.pth'  # of the first stage
model.patch_weight = 1.0
train_dataloader.dataset.update(length=_STEPS * 64, seed=2, first_shares=None)
optim_wrapper.optimizer.lr = 3e-4
param_scheduler = [
    dict(type=LinearLR, start_factor=0.01, by_epoch=False, end=100),
    dict(type=CosineAnnealingLR, by_epoch=False, begin=100, end=_STEPS, eta_min=1e-6),
]
train_cfg.max_iters = _STEPS
