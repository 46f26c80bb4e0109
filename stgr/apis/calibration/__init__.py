"""Fit probabilities on validation videos, and see on test videos what they are worth."""

from stgr.apis.calibration.calibrate import CalibrationJob, calibrate_model

__all__ = ['CalibrationJob', 'calibrate_model']
