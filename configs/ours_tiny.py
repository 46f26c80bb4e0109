"""The paper's method at TinyKitchen's size, on the frozen tiny CLIP that travels with stgr."""

from mmengine.config import read_base
from torch.optim import AdamW

with read_base():
    from ._base_.runtime import *
    from ._base_.tiny_kitchen import *

from mmengine.optim import CosineAnnealingLR, LinearLR, OptimWrapper

from stgr.engine import CalibrateThresholdsHook
from stgr.localizers import ThresholdTemporalLocalizer
from stgr.models.backbones import CLIPBackbone
from stgr.models.grounders import SpatioTemporalGrounder
from stgr.models.heads import CrossSelfCrossHead, GlobalHead
from stgr.models.losses import MMSLoss
from stgr.models.selectors import SinkhornSelector

model = dict(
    type=SpatioTemporalGrounder,
    # Its last patch tokens describe the whole picture; the values stay where they are.
    backbone=dict(type=CLIPBackbone, source='stgr://clip_tiny', patch_tokens='value'),
    selector=dict(type=SinkhornSelector, count=2),  # of 32: an action lasts 4 to 10 of 16 seconds
    global_head=dict(type=GlobalHead, dim=128, identity_init=True),
    local_head=dict(type=CrossSelfCrossHead, dim=128),
    # Norms of 13 (frames) and 18 (sentences): products of hundreds. Over 60 a thousand narrations
    # move the space less than over 20, and frames keep more of what CLIP knew.
    loss=dict(type=MMSLoss, temperature=60),
    local_loss=dict(type=MMSLoss),
    # Chosen on validation videos by tools/choose_spans.py; scores of frames do not depend on it.
    localizer=dict(type=ThresholdTemporalLocalizer, min_duration_sec=3, max_gap_sec=1),
)
# The global head starts aligned and must not be torn away from there by a thousand narrations; the
# local one starts from nothing.
optim_wrapper = dict(
    type=OptimWrapper,
    optimizer=dict(type=AdamW, lr=3e-5, weight_decay=0.01),
    paramwise_cfg=dict(custom_keys=dict(local_head=dict(lr_mult=100))),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type=LinearLR, start_factor=0.01, by_epoch=False, end=50),
    dict(type=CosineAnnealingLR, by_epoch=True, T_max=8, convert_to_iter_based=True),
]
train_cfg = dict(by_epoch=True, max_epochs=8, val_interval=8)
custom_hooks = [dict(type=CalibrateThresholdsHook, interval=8)]
notice = (
    'this model knows only TinyKitchen, a generated world; on real videos its answers mean '
    'nothing. Train configs/ours_clip.py on narrated videos and give the checkpoint: '
    '--model ours_clip --weights FILE'
)
