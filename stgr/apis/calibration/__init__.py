"""Fit probabilities on validation videos, and see on test videos what they are worth."""

from stgr.apis.calibration.calibrate import CalibrationJob, calibrate_model
from stgr.apis.calibration.hook import CalibrateAnswersHook

__all__ = ['CalibrateAnswersHook', 'CalibrationJob', 'calibrate_model']
