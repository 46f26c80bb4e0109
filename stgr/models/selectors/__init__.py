"""Choices of the frames that a narration speaks about."""

from stgr.models.selectors.all_frames import AllFrames
from stgr.models.selectors.base import BaseSelector
from stgr.models.selectors.random_selector import RandomSelector
from stgr.models.selectors.select_top import select_top
from stgr.models.selectors.similarity import FrameTextSimilarity
from stgr.models.selectors.sinkhorn_selector import SinkhornSelector
from stgr.models.selectors.top_k_selector import TopKSelector
from stgr.models.selectors.uniform_selector import UniformSelector

__all__ = [
    'AllFrames',
    'BaseSelector',
    'FrameTextSimilarity',
    'RandomSelector',
    'SinkhornSelector',
    'TopKSelector',
    'UniformSelector',
    'select_top',
]
