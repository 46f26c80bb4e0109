"""Four epochs of four batches on the toy model."""

from mmengine.dataset import DefaultSampler
from mmengine.optim import MultiStepLR, OptimWrapper
from torch.optim import AdamW
from toy_parts import ToyClips, ToyMetric, ToyModel

from stgr.engine import CrashSafeCheckpointHook, epoch_seed

default_scope = None
model = dict(type=ToyModel, width=1)
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    worker_init_fn=dict(type=epoch_seed),
    dataset=dict(type=ToyClips, count=8),
    sampler=dict(type=DefaultSampler, shuffle=True),
)
test_dataloader = dict(
    batch_size=2,
    num_workers=0,
    dataset=dict(type=ToyClips, count=4),
    sampler=dict(type=DefaultSampler, shuffle=False),
)
test_cfg = {}
test_evaluator = dict(type=ToyMetric)
train_cfg = dict(by_epoch=True, max_epochs=4)
optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=AdamW, lr=0.1))
param_scheduler = [dict(type=MultiStepLR, milestones=[2], gamma=0.1)]
default_hooks = dict(checkpoint=dict(type=CrashSafeCheckpointHook, interval=1, max_keep_ckpts=2))
