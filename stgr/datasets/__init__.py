"""Videos with narrations to learn from, videos with ground truth to be judged by."""

from stgr.datasets.grounding_youtube import GroundingYouTube
from stgr.datasets.howto100m import HowTo100M
from stgr.datasets.mining_youtube import MiningYouTube
from stgr.datasets.youcook_interactions import YouCookInteractions

__all__ = ['GroundingYouTube', 'HowTo100M', 'MiningYouTube', 'YouCookInteractions']
