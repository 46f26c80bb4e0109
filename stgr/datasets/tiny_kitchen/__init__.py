"""A generated world of narrated kitchen videos with the truth known."""

from stgr.datasets.tiny_kitchen.captioned_frames import TinyKitchenFrames

__all__ = ['TinyKitchenFrames']
