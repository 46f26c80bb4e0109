"""Scores of anybody's predictions: protocols by name, one door."""

from stgr.apis.evaluation.daly import DALYProtocol
from stgr.apis.evaluation.evaluate import evaluate
from stgr.apis.evaluation.exchange import ExchangeProtocol
from stgr.apis.evaluation.grounding_youtube import GroundingYouTubeProtocol
from stgr.apis.evaluation.grounding_youtube_clips import GroundingYouTubeClipsProtocol
from stgr.apis.evaluation.grounding_youtube_script import GroundingYouTubeScriptProtocol
from stgr.apis.evaluation.hc_stvg import HCSTVGProtocol
from stgr.apis.evaluation.mining_youtube import MiningYouTubeProtocol
from stgr.apis.evaluation.protocol import Protocol, build_protocol
from stgr.apis.evaluation.retrieval import RetrievalProtocol
from stgr.apis.evaluation.tiny_kitchen import TinyKitchenProtocol
from stgr.apis.evaluation.vhico import VHICOProtocol
from stgr.apis.evaluation.vidstg import VidSTGProtocol
from stgr.apis.evaluation.youcook_interactions import YouCookInteractionsProtocol

PROTOCOLS: dict[str, type[Protocol]] = {
    protocol.name: protocol
    for protocol in (
        ExchangeProtocol,
        GroundingYouTubeProtocol,
        GroundingYouTubeClipsProtocol,
        GroundingYouTubeScriptProtocol,
        TinyKitchenProtocol,
        MiningYouTubeProtocol,
        YouCookInteractionsProtocol,
        VHICOProtocol,
        DALYProtocol,
        VidSTGProtocol,
        HCSTVGProtocol,
        RetrievalProtocol,
    )
}

__all__ = ['PROTOCOLS', 'Protocol', 'build_protocol', 'evaluate']
