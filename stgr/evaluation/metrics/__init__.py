"""MMEngine metrics: thin shells over the functions."""

from stgr.evaluation.metrics.grounding_metric import GroundingMetric

__all__ = ['GroundingMetric']
