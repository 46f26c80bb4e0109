"""GEM's patches of the tiny CLIP, all layers alike, and nothing else: no prompts, no time."""

from mmengine.config import read_base

with read_base():
    from ..gem_tiny import *

from stgr.models.heads import PromptHeatMapHead, SmoothedTimeScores

model.backbone = dict(
    type=SelfSelfAttentionBackbone, source='stgr://clip_tiny', layer_weights=(1, 1, 1, 1, 1)
)
model.prompts.update(verb_templates=(), null_prompts=())
model.heat_map_head = dict(type=PromptHeatMapHead)
model.time_scores = dict(type=SmoothedTimeScores)
for _loader in (val_dataloader, test_dataloader):
    _loader.dataset.pipeline[0].store_dir = 'data/tiny_kitchen/features_gem_alike'
