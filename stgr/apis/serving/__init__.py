"""A model that answers over HTTP."""

from stgr.apis.serving.desk import GroundingDesk, ServingLimits
from stgr.apis.serving.server import GroundingServer

__all__ = ['GroundingDesk', 'GroundingServer', 'ServingLimits']
