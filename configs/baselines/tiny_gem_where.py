"""GEM with weights of layers and prompts of verbs; time as in the zero-shot baseline."""

from mmengine.config import read_base

with read_base():
    from ..gem_tiny import *

from stgr.models.heads import SmoothedTimeScores

model.prompts.update(null_prompts=())
model.time_scores = dict(type=SmoothedTimeScores)
