"""Models that join backbone, selector, heads and loss."""

from stgr.models.grounders.audio_visual_text_grounder import AudioVisualTextGrounder
from stgr.models.grounders.gem_grounder import GEMGrounder
from stgr.models.grounders.onnx_grounder import OnnxGrounder
from stgr.models.grounders.spatio_temporal_grounder import SpatioTemporalGrounder
from stgr.models.grounders.zero_shot_grounder import ZeroShotGrounder

__all__ = [
    'AudioVisualTextGrounder',
    'GEMGrounder',
    'OnnxGrounder',
    'SpatioTemporalGrounder',
    'ZeroShotGrounder',
]
