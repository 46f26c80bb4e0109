"""From similarities and heat maps to spans and tubes; numpy, and OpenCV for boxes."""

from stgr.localizers.hysteresis import HysteresisTemporalLocalizer
from stgr.localizers.spatial import (
    HeatMapSpatialLocalizer,
    SpatialAnswer,
    WindowHeatMapSpatialLocalizer,
)
from stgr.localizers.temporal import TemporalAnswer, ThresholdTemporalLocalizer, label_frames
from stgr.localizers.tubes import build_tubes

__all__ = [
    'HeatMapSpatialLocalizer',
    'HysteresisTemporalLocalizer',
    'SpatialAnswer',
    'TemporalAnswer',
    'ThresholdTemporalLocalizer',
    'WindowHeatMapSpatialLocalizer',
    'build_tubes',
    'label_frames',
]
