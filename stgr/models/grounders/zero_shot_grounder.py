"""The backbone alone: what an image-text model knows before any narration."""

from torch import Tensor

from stgr.models.grounders.base_grounder import BaseGrounder
from stgr.models.grounders.patch_similarity import patch_similarity_maps
from stgr.ops.cosine import cosine_matrix
from stgr.registry import MODELS
from stgr.structures.features import TextFeatures, VideoFeatures


@MODELS.register_module()
class ZeroShotGrounder(BaseGrounder):
    """The paper's CLIP baseline: frame against sentence for time, patch against it for space.

    It has nothing to train; its thresholds are calibrated as any model's.
    """

    learns = False

    def loss(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Refuse: there is nothing to learn."""
        del inputs
        raise ValueError('ZeroShotGrounder has nothing to train; run tools/test.py on it')

    def similarity(self, video: VideoFeatures, text: TextFeatures) -> Tensor:
        """Return the cosine of each query with each frame, (Q, F); see the base class."""
        return cosine_matrix(self.embed_queries(text), self.embed_frames(video))

    def embed_frames(self, video: VideoFeatures) -> Tensor:
        """Return each frame as the backbone makes it, (F, C); see the base class."""
        return video.frames[0]

    def embed_queries(self, text: TextFeatures) -> Tensor:
        """Return each query as the backbone makes it, (Q, C); see the base class."""
        return text.sentence

    def heatmaps(self, patches: Tensor, text: TextFeatures) -> Tensor:
        """Return where each text is seen in each frame, (N, T, P); see the base class."""
        return patch_similarity_maps(patches, text.sentence)
