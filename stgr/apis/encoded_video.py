"""A video after the encoder, to ask about it many times."""

import tempfile
from typing import TYPE_CHECKING

from stgr.io.closing import Closing
from stgr.structures import VideoFacts

if TYPE_CHECKING:
    from stgr.io.feature_files import FeatureFile


class EncodedVideo(Closing):
    """A video after the encoder: features on disk, deleted when closed.

    Attributes:
        facts: Facts of the file.
        features: Features at the evaluation rate.
    """

    def __init__(
        self, facts: VideoFacts, features: 'FeatureFile', folder: 'tempfile.TemporaryDirectory[str]'
    ) -> None:
        self.facts = facts
        self.features = features
        self._folder = folder

    def close(self) -> None:
        """Delete the features."""
        self._folder.cleanup()
