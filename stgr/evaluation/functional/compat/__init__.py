"""What the released scripts do, errors included: for comparison with published numbers only."""

from stgr.evaluation.functional.compat.alignment import align_as_released
from stgr.evaluation.functional.compat.grounding_script import (
    ScriptSettings,
    clips_by_position,
    score_grounding_script,
    youcook_script_size,
)
from stgr.evaluation.functional.compat.raster import (
    compare_as_released,
    reduce_as_released,
    released_raster,
)

__all__ = [
    'ScriptSettings',
    'align_as_released',
    'clips_by_position',
    'compare_as_released',
    'reduce_as_released',
    'released_raster',
    'score_grounding_script',
    'youcook_script_size',
]
