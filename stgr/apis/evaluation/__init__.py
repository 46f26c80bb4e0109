"""Scores of anybody's predictions: protocols by name, one door."""

from stgr.apis.evaluation.evaluate import evaluate
from stgr.apis.evaluation.exchange import ExchangeProtocol
from stgr.apis.evaluation.grounding_youtube import GroundingYouTubeProtocol
from stgr.apis.evaluation.protocol import Protocol, build_protocol
from stgr.apis.evaluation.tiny_kitchen import TinyKitchenProtocol

PROTOCOLS: dict[str, type[Protocol]] = {
    protocol.name: protocol
    for protocol in (ExchangeProtocol, GroundingYouTubeProtocol, TinyKitchenProtocol)
}

__all__ = ['PROTOCOLS', 'Protocol', 'build_protocol', 'evaluate']
