"""S3D-G and word2vec of MIL-NCE as encoders of video steps, cells, sentences and words."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import torch
from einops import rearrange
from torch import Tensor, nn

from stgr.io.weight_files import read_weights
from stgr.models.backbones.clip_loading import fingerprint
from stgr.models.backbones.freezable_backbone import FreezableBackbone
from stgr.models.backbones.word_tower import WordDictionary, WordTower, read_dictionary
from stgr.models.layers import S3DG
from stgr.registry import MODELS
from stgr.structures.features import TextFeatures, VideoFeatures

# The last layers of the released model: they are a global head, see ``MILNCEGlobalHead``.
_HEADS = {'fc.weight', 'fc.bias', 'text_module.fc2.weight', 'text_module.fc2.bias'}
_COUNTER = 'num_batches_tracked'  # in files of some versions of torch; says nothing
_TABLE = 'text_module.word_embd.weight'
_CELL = 32  # pixels per row and column of mixed_5c


@MODELS.register_module()
class S3DBackbone(FreezableBackbone):
    """The encoders of MIL-NCE (Miech et al., CVPR 2020), before its two last layers.

    Eight frames become one step in time: ``mixed_5c``, whose cells are the step's patches and whose
    spatial mean is its frame feature. Frames are looked at in windows of 16 from the first on, as
    in the paper's code, each by itself: within one, steps see each other.

    Words are word vectors after one layer and ReLU; the sentence is their maximum over all
    positions with padding, as in the original, so it is finite without any known word.

    Args:
        weights: File with the released weights (``s3d_howto100m.pth``, or the same names as
            safetensors); None for random ones, which must learn.
        dictionary: File of the words that the word vectors stand for, see ``read_dictionary``.
        frozen: Keep the weights as they are: no gradient, evaluation mode always, and not part of
            checkpoints (which stay small; they hold its fingerprint and fit no other one). If not,
            all learn, but word vectors that came from a file, which are word2vec's.
        freeze_bn: Keep the statistics of batch norms also when the rest learns.
        max_words: Positions of a sentence (16 in the original).
        image_size: Side of the square input in pixels (224 for the released weights).
        width: Factor on the channels of the video network; 1 for released weights.
        text_dim: Width of word and sentence features; 2048 for released weights.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged, the weights are of another model, the dictionary has more
            words than there are word vectors, or random weights would be frozen.
    """

    layer = 'mixed_5c'
    frames_per_step = 8
    frames_per_window = 16
    mean = (0.0, 0.0, 0.0)
    std = (1.0, 1.0, 1.0)

    def __init__(
        self,
        weights: str | Path | None,
        dictionary: str | Path,
        *,
        frozen: bool = True,
        freeze_bn: bool = True,
        max_words: int = 16,
        image_size: int = 224,
        width: float = 1.0,
        text_dim: int = 2048,
    ) -> None:
        super().__init__()
        if frozen and weights is None:
            raise ValueError(
                'a frozen S3DBackbone would stay random, and no checkpoint would hold its weights; '
                'give its weights, or set frozen=False'
            )
        self.dictionary = WordDictionary(read_dictionary(dictionary), max_words=max_words)
        released = {} if weights is None else read_weights(weights)
        num_rows = self._count_rows(released.get(_TABLE), dictionary)
        self.video_module = S3DG(width=width)
        self.text_module = WordTower(num_rows, dim=text_dim)
        if weights is not None:
            self.load_released(released, source=weights)
            self.text_module.word_embd.requires_grad_(False)
        self.video_dim, self.text_dim = self.video_module.out_channels, text_dim
        self.image_size = image_size
        self.grid = (-(-image_size // _CELL), -(-image_size // _CELL))
        self.freeze_bn = freeze_bn
        if frozen:
            self.freeze()
        self.train(self.training)

    @property
    def fingerprint(self) -> str:
        """sha256 of the weights as they are now, and of the settings."""
        parts = [fingerprint(self.video_module), fingerprint(self.text_module)]
        return hashlib.sha256('\n'.join([*parts, *self.settings()]).encode()).hexdigest()

    def settings(self) -> list[str]:
        """Return the dictionary, which gives the word vectors their words, and its positions."""
        return [f'max_words {self.dictionary.max_words}', json.dumps(self.dictionary.rows)]

    def train(self, mode: bool = True) -> Self:
        """Set the mode; what is frozen stays in evaluation mode."""
        super().train(mode)
        if self.freeze_bn:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm3d):
                    module.eval()
        return self

    def encode_video(self, frames: Tensor, mask: Tensor) -> VideoFeatures:
        """Encode steps of eight frames; padded frames are black, whatever they hold.

        Args:
            frames: RGB in [0, 1], (B, U, 3, S, S), U a multiple of 8.
            mask: True for real frames, (B, U) bool.

        Returns:
            Features of U / 8 steps; a step is real if any of its frames is.

        Raises:
            ValueError: If U is no multiple of 8.
        """
        count = frames.shape[1]
        if count % self.frames_per_step:
            raise ValueError(
                f'S3DBackbone makes one step of {self.frames_per_step} frames, but got {count} '
                'frames; give a multiple'
            )
        real = mask[:, :, None, None, None]
        clips = rearrange(torch.where(real, frames, 0.0), 'b u c h w -> b c u h w')
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            windows = clips.split(self.frames_per_window, dim=2)
            maps = torch.cat([self.video_module(window) for window in windows], dim=2)
        patches = rearrange(maps.float(), 'b c t h w -> b t (h w) c')
        steps = rearrange(mask, 'b (t n) -> b t n', n=self.frames_per_step).any(dim=-1)
        return VideoFeatures(patches.mean(dim=2), patches, steps, self.grid)

    def tokenize(self, sentences: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return rows of the word table and which are words, (B, ``max_words``)."""
        return self.dictionary.tokenize(sentences)

    def tokens_cut(self, sentences: Sequence[str]) -> list[int]:
        """Return how many known words of each sentence are beyond ``max_words``."""
        limit = self.dictionary.max_words
        return [max(0, len(self.dictionary.known(sentence)) - limit) for sentence in sentences]

    def encode_text(self, token_ids: Tensor, mask: Tensor) -> TextFeatures:
        """Encode sentences; one without a known word has no word but a finite feature."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            sentence, words = self.text_module(token_ids)
        return TextFeatures(sentence.float(), words.float(), mask)

    def _count_rows(self, table: Tensor | None, source: str | Path) -> int:
        """Return the rows of the word table: those of the file, else as the dictionary needs."""
        needed = self.dictionary.num_rows
        if table is None or len(table) >= needed:
            return needed if table is None else len(table)
        raise ValueError(
            f'{source} has {needed - 1} words, but the weights have vectors of {len(table) - 1}; '
            'give the dictionary that belongs to them'
        )

    def load_released(self, weights: dict[str, Tensor], *, source: str | Path) -> None:
        """Load weights under their released names, all or none.

        Args:
            weights: Tensors by name; those of the last layers and counters are left out.
            source: Where they come from, for the message.

        Raises:
            ValueError: If a name is missing or left over, or a shape differs.
        """
        own = {_released_name(name): tensor for name, tensor in self._weights().items()}
        given = {name: tensor for name, tensor in weights.items() if _is_used(name)}
        missing = [name for name in own if _is_used(name) and name not in given]
        left_over = [name for name in given if name not in own]
        shapes = [
            f'{name} {tuple(given[name].shape)} instead of {tuple(tensor.shape)}'
            for name, tensor in own.items()
            if name in given and given[name].shape != tensor.shape
        ]
        if missing or left_over or shapes:
            raise ValueError(
                f'{source} does not hold the weights of S3D: missing {missing}, left over '
                f'{left_over}, of another shape {shapes}; give s3d_howto100m.pth'
            )
        with torch.no_grad():
            for name, tensor in given.items():
                own[name].copy_(tensor)


def _released_name(name: str) -> str:
    """Return what the released file calls one of our tensors."""
    return name.removeprefix('video_module.')


def _is_used(name: str) -> bool:
    return name not in _HEADS and not name.endswith(_COUNTER)
