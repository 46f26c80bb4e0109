"""Sound in training, not in testing (Table 11 in miniature, VAT / VT)."""

from mmengine.config import read_base

with read_base():
    from ..ours_tiny import *

from stgr.datasets.transforms import LoadAudio
from stgr.models.backbones import DAVEnet
from stgr.models.grounders import AudioVisualTextGrounder
from stgr.models.heads import AudioHead

_spectrograms = 'data/tiny_kitchen/mels'  # 100 MB, made in the first epoch

model.type = AudioVisualTextGrounder
# Seven stages: 13 steps of 1.28 s; the local losses of 100 of 0.16 s would take most of the time.
model.audio_backbone = dict(type=DAVEnet, widths=(16, 16, 16, 16, 32, 32, 64, 64))
model.audio_head = dict(type=AudioHead)
train_dataloader.dataset.pipeline.insert(
    2,
    dict(type=LoadAudio, frames=1600, cache_dir=_spectrograms),  # all 16 seconds
)
# Both start from nothing, as the local head does.
optim_wrapper.paramwise_cfg.custom_keys.update(
    audio_backbone=dict(lr_mult=30), audio_head=dict(lr_mult=100)
)
