"""Readers of predictions of any system: one validated record per video."""

from stgr.io.predictions.query_tubes import PredictedTube, read_query_tubes
from stgr.io.predictions.reader import READERS, format_of, read_predictions
from stgr.io.predictions.similarities import Similarities, read_similarities
from stgr.io.predictions.video_prediction import PredictedPlaces, VideoPrediction

__all__ = [
    'READERS',
    'PredictedPlaces',
    'PredictedTube',
    'Similarities',
    'VideoPrediction',
    'format_of',
    'read_predictions',
    'read_query_tubes',
    'read_similarities',
]
