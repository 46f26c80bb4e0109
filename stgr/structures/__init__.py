"""The nouns: validated records that travel between the parts of the library."""

from stgr.structures.coverage import MISSING_RULES, Coverage
from stgr.structures.grounding_result import GroundingResult, ModelFacts, QueryResult, VideoFacts
from stgr.structures.heatmaps import HeatMaps
from stgr.structures.spans import Span
from stgr.structures.tubes import Tube

__all__ = [
    'MISSING_RULES',
    'Coverage',
    'GroundingResult',
    'HeatMaps',
    'ModelFacts',
    'QueryResult',
    'Span',
    'Tube',
    'VideoFacts',
]
