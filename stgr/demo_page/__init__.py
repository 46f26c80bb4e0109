"""The page of ``stgr demo``: ask about a video, see when and where it happens."""
