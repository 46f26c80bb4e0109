"""Encoders of video and text."""

from stgr.models.backbones.base import GroundingBackbone
from stgr.models.backbones.clip_backbone import CLIPBackbone
from stgr.models.backbones.clip_pretrainer import CLIPPretrainer
from stgr.models.backbones.freezable_backbone import FreezableBackbone
from stgr.models.backbones.s3d_backbone import S3DBackbone
from stgr.models.backbones.timm_backbone import TimmBackbone
from stgr.models.backbones.tower_backbone import Tower, TowerBackbone

__all__ = [
    'CLIPBackbone',
    'CLIPPretrainer',
    'FreezableBackbone',
    'GroundingBackbone',
    'S3DBackbone',
    'TimmBackbone',
    'Tower',
    'TowerBackbone',
]
