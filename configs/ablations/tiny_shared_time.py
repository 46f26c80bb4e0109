"""Scores smoothed over half a second and, in a pool, shared among its actions, as in gem_tiny."""

from mmengine.config import read_base

with read_base():
    from ..ours_tiny import *

from stgr.models.heads import SinkhornTimeScores

model.time_scores = dict(type=SinkhornTimeScores, sigma_sec=0.5, strength=0.8, epsilon=0.1)
