"""From cosines to probabilities, by what was learnt on validation videos."""

from stgr.calibration.background_bank import BackgroundBank, choose_background
from stgr.calibration.calibration import Calibration, Occurrence, SpanCalibration
from stgr.calibration.evidence import strongest_window
from stgr.calibration.files import (
    BACKGROUND_SUFFIX,
    CALIBRATION_SUFFIX,
    calibration_path,
    calibration_sha256,
    load_calibration,
    save_calibration,
)
from stgr.calibration.logistic import LogisticMap, fit_logistic

__all__ = [
    'BACKGROUND_SUFFIX',
    'CALIBRATION_SUFFIX',
    'BackgroundBank',
    'Calibration',
    'LogisticMap',
    'Occurrence',
    'SpanCalibration',
    'calibration_path',
    'calibration_sha256',
    'choose_background',
    'fit_logistic',
    'load_calibration',
    'save_calibration',
    'strongest_window',
]
