"""Fit probabilities on validation videos, and see on test videos what they are worth."""

from stgr.apis.calibration.calibrate import CalibrationJob, calibrate_model
from stgr.apis.calibration.hook import CalibrateAnswersHook
from stgr.apis.calibration.span_quality import SpanQuality, judge_spans

__all__ = [
    'CalibrateAnswersHook',
    'CalibrationJob',
    'SpanQuality',
    'calibrate_model',
    'judge_spans',
]
