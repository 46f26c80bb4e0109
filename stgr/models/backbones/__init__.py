"""Encoders of video and text."""

from stgr.models.backbones.base import GroundingBackbone
from stgr.models.backbones.clip_backbone import CLIPBackbone
from stgr.models.backbones.clip_pretrainer import CLIPPretrainer
from stgr.models.backbones.timm_backbone import TimmBackbone
from stgr.models.backbones.tower_backbone import Tower, TowerBackbone

__all__ = [
    'CLIPBackbone',
    'CLIPPretrainer',
    'GroundingBackbone',
    'TimmBackbone',
    'Tower',
    'TowerBackbone',
]
