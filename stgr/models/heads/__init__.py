"""Projections and attention that turn features into scores and heat maps."""

from stgr.models.heads.audio_head import AudioHead
from stgr.models.heads.cross_self_cross_head import CrossSelfCrossHead
from stgr.models.heads.global_head import GlobalHead
from stgr.models.heads.local_head import LocalHead

__all__ = ['AudioHead', 'CrossSelfCrossHead', 'GlobalHead', 'LocalHead']
