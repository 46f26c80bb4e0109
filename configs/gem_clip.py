"""No training: GEM and VideoGEM on a public CLIP, asked with an action, its verb and its object.

`stgr ground my.mp4 --query "crack an egg" --method gem` is this with any CLIP or SigLIP (2):
`--model NAME_OR_FOLDER`. Nothing here is calibrated: none of its weights were at hand.
"""

from mmengine.config import read_base

with read_base():
    from ._base_.runtime import *

from stgr.localizers import HysteresisTemporalLocalizer
from stgr.models.backbones import SelfSelfAttentionBackbone
from stgr.models.grounders import GEMGrounder
from stgr.models.heads import LayerWeightedHeatMapHead, SinkhornTimeScores
from stgr.models.prompts import PromptBank

model = dict(
    type=GEMGrounder,
    backbone=dict(
        type=SelfSelfAttentionBackbone,
        source='openai/clip-vit-base-patch16',
        # VideoGEM's for the last 7 of 12 layers; the last 3 are weighted anew for each prompt.
        layer_weights=(0.3, 0.4, 0.5, 0.6, 0.7, 0.9, 0.9, 0.9),
        separate_layers=3,
    ),
    prompts=dict(
        type=PromptBank,
        templates=('A photo of a person {}.', 'a photo of a person doing: {}.', '{}'),
        # What background looks like; a frame must be more like the query than like any of these.
        null_prompts=(
            'A photo of a person.',
            'A photo of a person talking to the camera.',
            'A photo of a room.',
            'A photo of some things.',
            'A black picture.',
            'A title with text.',
        ),
        file=None,
    ),
    heat_map_head=dict(type=LayerWeightedHeatMapHead),
    time_scores=dict(type=SinkhornTimeScores, sigma_sec=1.0, strength=0.1),
    localizer=dict(type=HysteresisTemporalLocalizer, margin=0.005),
)
notice = (
    'training-free: a public image-text model whose thresholds are not calibrated; give '
    '--threshold to be stricter (above 0) or more lenient'
)
