"""Making a benchmark: the page where people click, and the paper's rules from clicks to boxes."""

from stgr.annotation.agreement import click_distances, click_spreads, fleiss_kappa
from stgr.annotation.click_boxes import BOX_RULES, paper_boxes, release_boxes
from stgr.annotation.density import density_map
from stgr.annotation.presence import (
    CANNOT_SOLVE,
    CORRUPT,
    OPEN,
    POINT,
    majority,
    presence_runs,
    refine_bounds,
    vote_corrupt,
    vote_presence,
)
from stgr.annotation.quality import QualityReport, check_quality, draw_sample, sample_size

__all__ = [
    'BOX_RULES',
    'CANNOT_SOLVE',
    'CORRUPT',
    'OPEN',
    'POINT',
    'QualityReport',
    'check_quality',
    'click_distances',
    'click_spreads',
    'density_map',
    'draw_sample',
    'fleiss_kappa',
    'majority',
    'paper_boxes',
    'presence_runs',
    'refine_bounds',
    'release_boxes',
    'sample_size',
    'vote_corrupt',
    'vote_presence',
]
