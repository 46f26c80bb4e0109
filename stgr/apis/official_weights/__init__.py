"""The authors' released weight files, turned into ours: every tensor accounted for, or an error."""

from stgr.apis.official_weights.grounding_weights import convert_grounding_weights
from stgr.apis.official_weights.milnce_s3d import convert_milnce_s3d
from stgr.apis.official_weights.openai_clip import convert_openai_clip

__all__ = ['convert_grounding_weights', 'convert_milnce_s3d', 'convert_openai_clip']
