"""Videos with narrations to learn from, videos with ground truth to be judged by."""

from stgr.datasets.daly import DALY
from stgr.datasets.grounding_youtube import GroundingYouTube
from stgr.datasets.grounding_youtube_clips import GroundingYouTubeClips
from stgr.datasets.hcstvg import HCSTVG
from stgr.datasets.howto100m import HowTo100M
from stgr.datasets.mining_youtube import MiningYouTube
from stgr.datasets.narrated_videos import NarratedVideos
from stgr.datasets.readable_videos import ReadableVideos
from stgr.datasets.vhico import VHICO
from stgr.datasets.vidstg import VidSTG
from stgr.datasets.youcook_interactions import YouCookInteractions

__all__ = [
    'DALY',
    'HCSTVG',
    'VHICO',
    'GroundingYouTube',
    'GroundingYouTubeClips',
    'HowTo100M',
    'MiningYouTube',
    'NarratedVideos',
    'ReadableVideos',
    'VidSTG',
    'YouCookInteractions',
]
