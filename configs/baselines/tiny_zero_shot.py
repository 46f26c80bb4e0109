"""The tiny CLIP alone, without narrations: the paper's CLIP baseline. Nothing is trained."""

from mmengine.config import read_base

with read_base():
    from .._base_.runtime import *
    from .._base_.tiny_kitchen import *

from stgr.models.backbones import CLIPBackbone
from stgr.models.grounders import ZeroShotGrounder

model = dict(
    type=ZeroShotGrounder,
    backbone=dict(type=CLIPBackbone, source='stgr://clip_tiny', patch_tokens='value'),
)
train_dataloader = None
