"""The doors for people: model hub, Grounder, training and testing."""

from stgr.apis.grounder import Grounder

__all__ = ['Grounder']
