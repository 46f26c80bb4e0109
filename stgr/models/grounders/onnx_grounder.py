"""A grounder of which every computation was converted to ONNX."""

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from stgr.models.backbones import OnnxBackbone
from stgr.models.backbones.onnx_backbone import OnnxGraph
from stgr.models.grounders.base_grounder import BaseGrounder
from stgr.registry import MODELS
from stgr.structures.features import TextFeatures, VideoFeatures


@MODELS.register_module()
class OnnxGrounder(BaseGrounder):
    """What ``stgr convert`` wrote, answering as the model that it was made of.

    Thresholds and window are the folder's; there is nothing to train.

    Args:
        folder: The folder.

    Raises:
        ImportError: If onnxruntime is not installed.
        FileNotFoundError, ValueError: If the folder is not whole, see ``read_onnx_model``.
    """

    learns = False

    def __init__(self, folder: str | Path) -> None:
        super().__init__({'type': OnnxBackbone, 'folder': str(folder)})
        assert isinstance(self.backbone, OnnxBackbone), 'it was built just now'
        answers = self.backbone.facts.answers
        self.heat_window = answers.heat_window
        self.pool_threshold.fill_(answers.pool_threshold)
        self.query_threshold.fill_(answers.query_threshold)
        self._max_words = self.backbone.facts.text.max_words
        self._similarity = OnnxGraph(Path(folder) / 'similarity.onnx')
        self._heat = OnnxGraph(Path(folder) / 'heat.onnx')
        self.similarity_needs_patches = 'patches' in self._similarity.inputs

    def loss(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Refuse: there is nothing to learn."""
        del inputs
        raise ValueError('a converted model has nothing to train; train the one it was made of')

    def similarity(self, video: VideoFeatures, text: TextFeatures) -> Tensor:
        """Return how similar each query is to each frame, (Q, F); see the base class."""
        inputs = {'frames': video.frames[0], **self._named(text)}
        if video.patches is not None:
            inputs['patches'] = video.patches[0]
        return self._similarity(inputs)[0].to(video.frames.device)

    def heatmaps(self, patches: Tensor, text: TextFeatures) -> Tensor:
        """Return where each text is seen in its window, (N, T, P); see the base class."""
        paired = {
            name: tensor.expand(len(patches), *tensor.shape[1:])
            for name, tensor in self._named(text).items()
        }
        return self._heat({'patches': patches, **paired})[0].to(patches.device)

    def _named(self, text: TextFeatures) -> dict[str, Tensor]:
        """Return the inputs that a text is, its words filled up to the graphs' length."""
        missing = self._max_words - text.words.shape[1]
        return {
            'sentence': text.sentence,
            'words': F.pad(text.words, (0, 0, 0, missing)),
            'word_mask': F.pad(text.mask, (0, missing)),
        }
