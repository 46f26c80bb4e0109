"""The nouns: validated records that travel between the parts of the library."""

from stgr.structures.background import BACKGROUND, BACKGROUND_NAME
from stgr.structures.coverage import MISSING_RULES, Coverage
from stgr.structures.grounding_result import GroundingResult, ModelFacts, QueryResult, VideoFacts
from stgr.structures.heatmaps import HeatMaps
from stgr.structures.run_lengths import RunLengths, counts_from_string, encode_mask
from stgr.structures.spans import Span
from stgr.structures.tubes import Tube

__all__ = [
    'BACKGROUND',
    'BACKGROUND_NAME',
    'MISSING_RULES',
    'Coverage',
    'GroundingResult',
    'HeatMaps',
    'ModelFacts',
    'QueryResult',
    'RunLengths',
    'Span',
    'Tube',
    'VideoFacts',
    'counts_from_string',
    'encode_mask',
]
