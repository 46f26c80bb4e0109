"""No training, on SigLIP 2 (fixed size): `gem_clip` with other weights, also of twelve layers."""

from mmengine.config import read_base

with read_base():
    from .gem_clip import *

model.backbone.source = 'google/siglip2-base-patch16-224'
