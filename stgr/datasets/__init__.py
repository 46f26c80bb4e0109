"""Videos with narrations to learn from, videos with ground truth to be judged by."""

from stgr.datasets.grounding_youtube import GroundingYouTube
from stgr.datasets.grounding_youtube_clips import GroundingYouTubeClips
from stgr.datasets.howto100m import HowTo100M

__all__ = ['GroundingYouTube', 'GroundingYouTubeClips', 'HowTo100M']
