"""Projections and attention that turn features into scores and heat maps."""

from stgr.models.heads.attention_head import AttentionHead
from stgr.models.heads.audio_head import AudioHead
from stgr.models.heads.cross_cross_head import CrossCrossHead
from stgr.models.heads.cross_self_cross_head import CrossSelfCrossHead
from stgr.models.heads.cross_self_head import CrossSelfHead
from stgr.models.heads.gated_global_head import GatedGlobalHead
from stgr.models.heads.global_head import GlobalHead
from stgr.models.heads.local_head import LocalHead
from stgr.models.heads.mil_nce_global_head import MILNCEGlobalHead
from stgr.models.heads.prompt_heat_map_head import LayerWeightedHeatMapHead, PromptHeatMapHead
from stgr.models.heads.self_cross_head import SelfCrossHead
from stgr.models.heads.time_scores import SinkhornTimeScores, SmoothedTimeScores
from stgr.models.heads.word_region_head import WordRegionHead

__all__ = [
    'AttentionHead',
    'AudioHead',
    'CrossCrossHead',
    'CrossSelfCrossHead',
    'CrossSelfHead',
    'GatedGlobalHead',
    'GlobalHead',
    'LayerWeightedHeatMapHead',
    'LocalHead',
    'MILNCEGlobalHead',
    'PromptHeatMapHead',
    'SelfCrossHead',
    'SinkhornTimeScores',
    'SmoothedTimeScores',
    'WordRegionHead',
]
