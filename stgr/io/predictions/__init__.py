"""Readers of predictions of any system: one validated record per video."""

from stgr.io.predictions.reader import READERS, format_of, read_predictions
from stgr.io.predictions.video_prediction import PredictedPlaces, VideoPrediction

__all__ = ['READERS', 'PredictedPlaces', 'VideoPrediction', 'format_of', 'read_predictions']
