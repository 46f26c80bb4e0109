"""Making a benchmark: the page where people click, and the paper's rules from clicks to boxes."""

from stgr.annotation.agreement import click_distances, click_spreads, fleiss_kappa
from stgr.annotation.answers import Answer, read_history
from stgr.annotation.click_boxes import BOX_RULES, paper_boxes, release_boxes
from stgr.annotation.density import density_map
from stgr.annotation.merging import MergeReport, merge_annotations
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
from stgr.annotation.work import Package, Step, WorkVideo, read_work, work_packages

__all__ = [
    'BOX_RULES',
    'CANNOT_SOLVE',
    'CORRUPT',
    'OPEN',
    'POINT',
    'Answer',
    'MergeReport',
    'Package',
    'QualityReport',
    'Step',
    'WorkVideo',
    'check_quality',
    'click_distances',
    'click_spreads',
    'density_map',
    'draw_sample',
    'fleiss_kappa',
    'majority',
    'merge_annotations',
    'paper_boxes',
    'presence_runs',
    'read_history',
    'read_work',
    'refine_bounds',
    'release_boxes',
    'sample_size',
    'vote_corrupt',
    'vote_presence',
    'work_packages',
]
