"""`ours_clip` on a vision transformer of timm (not verified here: its real weights).

Needs `pip install 'stgr[timm]'`. Its space is not that of the sentences, so everything that joins
them is learned by the heads; the text tower is CLIP's.
"""

from mmengine.config import read_base

with read_base():
    from .ours_clip import *

from stgr.models.backbones import TimmBackbone

_NAME = 'vit_base_patch32_224.augreg_in21k_ft_in1k'  # a 7 x 7 grid, as ours_clip has

model.backbone = dict(
    type=TimmBackbone,
    model_name=_NAME,
    checkpoint=f'timm/{_NAME}',
    text_source='openai/clip-vit-base-patch32',
)
