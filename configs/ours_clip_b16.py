"""The paper's setting on CLIP ViT-B/16: 14 x 14 patches a frame, four times as many as B/32."""

from mmengine.config import read_base

with read_base():
    from .ours_clip import *

model.backbone.source = 'openai/clip-vit-base-patch16'
