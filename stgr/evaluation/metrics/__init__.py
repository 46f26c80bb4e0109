"""MMEngine metrics: thin shells over the functions."""

from stgr.evaluation.metrics.alignment_metric import AlignmentMetric
from stgr.evaluation.metrics.boxed_image_metric import BoxedImageMetric
from stgr.evaluation.metrics.grounding_metric import GroundingMetric
from stgr.evaluation.metrics.query_tube_metric import QueryTubeMetric
from stgr.evaluation.metrics.retrieval_metric import RetrievalMetric
from stgr.evaluation.metrics.single_action_metric import SingleActionMetric

__all__ = [
    'AlignmentMetric',
    'BoxedImageMetric',
    'GroundingMetric',
    'QueryTubeMetric',
    'RetrievalMetric',
    'SingleActionMetric',
]
