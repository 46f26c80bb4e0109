"""What the authors' released code was run with: CLIP ViT-B/32, 8 of 16 frames at 1 fps.

It differs from the paper (`ours_clip`) where the code does. Training command: the README of
GroundingYouTube at 10b7a03.
"""

from mmengine.config import read_base
from mmengine.optim import CosineAnnealingLR, LinearLR, OptimWrapper
from torch.optim import AdamW

with read_base():
    from ._base_.howto100m import *
    from ._base_.runtime import *

from stgr.models.backbones import CLIPBackbone
from stgr.models.grounders import SpatioTemporalGrounder
from stgr.models.heads import CrossSelfCrossHead, GlobalHead
from stgr.models.losses import MILNCELoss
from stgr.models.selectors import SinkhornSelector

model = dict(
    type=SpatioTemporalGrounder,
    # its pictures are in [0, 1], without CLIP's mean and deviation
    backbone=dict(type=CLIPBackbone, source='openai/clip-vit-base-patch32', normalise=False),
    selector=dict(type=SinkhornSelector, count=8, ranking='word'),  # 8 is hard-coded there
    select_projected=False,
    global_frames='candidates',
    global_head=dict(type=GlobalHead, dim=512),
    # its evaluation drops the scale of both cross-attentions and the residual of the second
    local_head=dict(type=CrossSelfCrossHead, dim=512, scale_at_eval=False, residual_at_eval=False),
    loss=dict(type=MILNCELoss, count_positives_twice=True),  # of both branches
    local_weight=4.0,  # the sum over 4 GPUs with 16 clips each; ours is the processes' mean
    threshold=0.5,
    heat_window=16,
)
train_pipeline = [
    # --num_frames 8 --num_sec_control 8 --fps 1
    dict(type=SampleClip, candidates=16, fps=1, window='inside'),
    dict(type=LoadVideoFrames, size=(224, 224)),
    dict(type=PackClip),
]
train_dataloader.dataset.pipeline = train_pipeline
optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=AdamW, lr=1e-4, weight_decay=0.01))
param_scheduler = [
    dict(type=LinearLR, start_factor=1e-3, by_epoch=False, end=5000),
    dict(type=CosineAnnealingLR, by_epoch=True, T_max=15, convert_to_iter_based=True),
]
train_cfg = dict(by_epoch=True, max_epochs=15, val_interval=15)
