"""Encoders of video, text and sound."""

from stgr.models.backbones.audio_backbone import AudioBackbone
from stgr.models.backbones.base import GroundingBackbone
from stgr.models.backbones.clip_backbone import CLIPBackbone
from stgr.models.backbones.clip_pretrainer import CLIPPretrainer
from stgr.models.backbones.davenet import DAVEnet
from stgr.models.backbones.freezable_backbone import FreezableBackbone
from stgr.models.backbones.image_text_backbone import ImageTextBackbone
from stgr.models.backbones.onnx_backbone import OnnxBackbone
from stgr.models.backbones.s3d_backbone import S3DBackbone
from stgr.models.backbones.self_self_attention_backbone import SelfSelfAttentionBackbone
from stgr.models.backbones.siglip_backbone import SiglipBackbone
from stgr.models.backbones.timm_backbone import TimmBackbone
from stgr.models.backbones.tower_backbone import Tower, TowerBackbone

__all__ = [
    'AudioBackbone',
    'CLIPBackbone',
    'CLIPPretrainer',
    'DAVEnet',
    'FreezableBackbone',
    'GroundingBackbone',
    'ImageTextBackbone',
    'OnnxBackbone',
    'S3DBackbone',
    'SelfSelfAttentionBackbone',
    'SiglipBackbone',
    'TimmBackbone',
    'Tower',
    'TowerBackbone',
]
