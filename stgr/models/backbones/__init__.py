"""Encoders of video, text and sound."""

from stgr.models.backbones.audio_backbone import AudioBackbone
from stgr.models.backbones.base import GroundingBackbone
from stgr.models.backbones.clip_backbone import CLIPBackbone
from stgr.models.backbones.clip_pretrainer import CLIPPretrainer
from stgr.models.backbones.davenet import DAVEnet

__all__ = ['AudioBackbone', 'CLIPBackbone', 'CLIPPretrainer', 'DAVEnet', 'GroundingBackbone']
