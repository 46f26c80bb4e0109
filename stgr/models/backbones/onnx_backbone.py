"""Encoders that were converted to ONNX, run by onnxruntime on the CPU."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from stgr.io.onnx_folder import TOKENIZER, OnnxModel, read_onnx_model
from stgr.models.backbones.base import GroundingBackbone
from stgr.models.backbones.clip_text import tokenize, tokens_cut
from stgr.registry import MODELS
from stgr.structures.features import TextFeatures, VideoFeatures


class OnnxGraph:
    """A graph that onnxruntime computes on the CPU with as many threads as torch.

    Args:
        path: The ``.onnx`` file.

    Attributes:
        inputs: Names of its inputs.

    Raises:
        ImportError: If onnxruntime is not installed.
        ValueError: If the file is no graph that it can run.
    """

    def __init__(self, path: Path) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise ImportError(
                "this model needs onnxruntime; install it: pip install 'stgr[onnx]'"
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        try:
            self._session: Any = onnxruntime.InferenceSession(
                path, options, providers=['CPUExecutionProvider']
            )
        except Exception as error:  # its classes share no base of their own
            raise ValueError(f'onnxruntime cannot run {path}: {error}') from error
        self.inputs = [given.name for given in self._session.get_inputs()]

    def __call__(self, inputs: Mapping[str, Tensor]) -> list[Tensor]:
        """Return the outputs in their order, given at least the graph's inputs by name."""
        arrays = {name: inputs[name].detach().cpu().numpy() for name in self.inputs}
        return [torch.from_numpy(output) for output in self._session.run(None, arrays)]


@MODELS.register_module()
class OnnxBackbone(GroundingBackbone):
    """The encoders of a folder that ``stgr convert`` made, with its tokenizer and statistics.

    They learn nothing and run on the CPU wherever the rest is; features come back to where the
    inputs were.

    Args:
        folder: The folder.

    Raises:
        ImportError: If onnxruntime is not installed.
        FileNotFoundError, ValueError: If the folder is not whole, see ``read_onnx_model``.
    """

    def __init__(self, folder: str | Path) -> None:
        super().__init__()
        self.folder = Path(folder)
        self.facts: OnnxModel = read_onnx_model(folder)
        video, text = self.facts.video, self.facts.text
        self.grid = (video.rows, video.columns)
        self.image_size = video.image_size
        self.mean, self.std = video.mean, video.std
        self.layer = video.layer
        self.video_dim, self.text_dim = video.dim, text.dim
        self.max_tokens = text.max_tokens
        self.tokenizer = _tokenizer(self.folder / TOKENIZER)
        self._video = OnnxGraph(self.folder / 'video.onnx')
        self._text = OnnxGraph(self.folder / 'text.onnx')

    @property
    def fingerprint(self) -> str:
        """sha256 of all that the folder's ``model.json`` says, checksums of the graphs included."""
        return self.facts.sha256

    def encode_video(self, frames: Tensor, mask: Tensor) -> VideoFeatures:
        """Encode frames in one forward; see the base class."""
        frame, patches = self._video({'pictures': rearrange(frames, 'b u c h w -> (b u) c h w')})
        return VideoFeatures(
            rearrange(frame.to(frames.device), '(b u) c -> b u c', b=len(frames)),
            rearrange(patches.to(frames.device), '(b u) p c -> b u p c', b=len(frames)),
            mask,
            self.grid,
        )

    def tokenize(self, sentences: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return token ids and mask, (B, N), as the converted model makes them."""
        cased, padding = self._cased(sentences), self.facts.text.padding
        return tokenize(self.tokenizer, cased, limit=self.max_tokens, padding=padding)

    def tokens_cut(self, sentences: Sequence[str]) -> list[int]:
        """Return how many tokens of each sentence are beyond the encoder's length."""
        return tokens_cut(self.tokenizer, self._cased(sentences), limit=self.max_tokens)

    def encode_text(self, token_ids: Tensor, mask: Tensor) -> TextFeatures:
        """Encode token ids; words are padded to the most that the model keeps."""
        found = self._text({'token_ids': token_ids, 'token_mask': mask})
        sentence, words, word_mask = (tensor.to(token_ids.device) for tensor in found)
        return TextFeatures(sentence, words, word_mask)

    def _cased(self, sentences: Sequence[str]) -> list[str]:
        return [text.lower() if self.facts.text.lower else text for text in sentences]


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, local_files_only=True)
