"""The CLIP that travels with stgr: a real one, small, of the world of TinyKitchen.

`python tools/model_zoo/make_clip_tiny.py OUT` trains the tokenizer, runs this and saves both.
"""

from mmengine.config import read_base
from mmengine.dataset import DefaultSampler, default_collate
from mmengine.optim import CosineAnnealingLR, LinearLR, OptimWrapper
from torch.optim import AdamW

with read_base():
    from ._base_.runtime import *

from stgr.datasets.tiny_kitchen import TinyKitchenFrames
from stgr.engine import CrashSafeCheckpointHook
from stgr.models.backbones import CLIPPretrainer

_STEPS, _BATCH = 5000, 128

model = dict(
    type=CLIPPretrainer,
    tokenizer='work_dirs/clip_tiny/tokenizer',
    text=dict(
        hidden_size=128,
        intermediate_size=512,
        num_hidden_layers=3,
        num_attention_heads=2,
        max_position_embeddings=32,
    ),
    vision=dict(
        hidden_size=128,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=4,
        image_size=112,
        patch_size=16,
    ),
    projection_dim=128,
)
train_dataloader = dict(
    batch_size=_BATCH,
    num_workers=1,
    sampler=dict(type=DefaultSampler, shuffle=False),  # the set is a curriculum
    collate_fn=dict(type=default_collate),
    dataset=dict(
        type=TinyKitchenFrames, length=_STEPS * _BATCH, seed=1, first_shares=(0.8, 0.15, 0.05)
    ),
)
optim_wrapper = dict(
    type=OptimWrapper,
    optimizer=dict(type=AdamW, lr=1e-3, betas=(0.9, 0.98), weight_decay=0.1),
    clip_grad=dict(max_norm=1.0),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
)
param_scheduler = [
    dict(type=LinearLR, start_factor=0.01, by_epoch=False, end=200),
    dict(type=CosineAnnealingLR, by_epoch=False, begin=200, end=_STEPS, eta_min=1e-6),
]
train_cfg = dict(by_epoch=False, max_iters=_STEPS)  # resumes in the middle of the curriculum
default_hooks = dict(
    checkpoint=dict(type=CrashSafeCheckpointHook, by_epoch=False, interval=500, max_keep_ckpts=2)
)
