"""Encoders of video and text."""

from stgr.models.backbones.base import GroundingBackbone
from stgr.models.backbones.clip_backbone import CLIPBackbone
from stgr.models.backbones.clip_pretrainer import CLIPPretrainer

__all__ = ['CLIPBackbone', 'CLIPPretrainer', 'GroundingBackbone']
