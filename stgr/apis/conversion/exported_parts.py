"""What a grounder does to tensors, as modules of plain tensors that a graph can be made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from stgr.models.heads.attention_head import AttentionHead
from stgr.ops.attention_stack import prepare_texts
from stgr.structures.features import TextFeatures, VideoFeatures

if TYPE_CHECKING:
    from stgr.models.backbones import CLIPBackbone, GroundingBackbone, SiglipBackbone
    from stgr.models.grounders.base_grounder import BaseGrounder

Axes = Mapping[str, Mapping[int, str]]


@dataclass(frozen=True)
class ExportedPart:
    """One graph.

    Args:
        module: What is computed.
        inputs: An example of each input by name, in the order of ``forward``.
        outputs: Names of the outputs.
        axes: Of each input, the axes that may have any length, and what they are called.
    """

    module: nn.Module
    inputs: dict[str, Tensor]
    outputs: tuple[str, ...]
    axes: Axes


class VideoEncoder(nn.Module):
    """Pictures (N, 3, S, S), normalised, to frames (N, C) and patches (N, P, C)."""

    def __init__(self, backbone: 'GroundingBackbone') -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return both features of each picture."""
        mask = torch.ones(1, pictures.shape[0], dtype=torch.bool)
        video = self.backbone.encode_video(pictures[None], mask)
        assert video.patches is not None, 'a backbone encodes patches with frames'
        return video.frames[0], video.patches[0]


class TextEncoder(nn.Module):
    """Token ids (Q, N) to sentences (Q, C), words (Q, L, C) and which of them are real (Q, L).

    L is always the most words that the model keeps: the graphs behind this one have it fixed.
    """

    def __init__(self, backbone: 'CLIPBackbone | SiglipBackbone') -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, token_ids: Tensor, token_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the features of each sentence."""
        text, length = self.backbone.encode_text(token_ids, token_mask), self.backbone.max_words
        words = F.pad(text.words, (0, 0, 0, length))[:, :length]
        return text.sentence, words, F.pad(text.mask, (0, length))[:, :length]


class Similarity(nn.Module):
    """Frames, texts and, if they count, patches to the similarity of query and frame, (Q, F)."""

    def __init__(self, model: 'BaseGrounder') -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        frames: Tensor,
        sentence: Tensor,
        words: Tensor,
        word_mask: Tensor,
        patches: Tensor | None = None,
    ) -> Tensor:
        """Return what the thresholds judge."""
        mask = torch.ones(1, frames.shape[0], dtype=torch.bool)
        seen = None if patches is None else patches[None]
        video = VideoFeatures(frames[None], seen, mask, self.model.backbone.grid)
        return self.model.similarity(video, TextFeatures(sentence, words, word_mask))


class PairedHeat(nn.Module):
    """Patches of N windows and N texts, one each, to heat (N, T, P)."""

    def __init__(self, model: 'BaseGrounder') -> None:
        super().__init__()
        self.model = model

    def forward(
        self, patches: Tensor, sentence: Tensor, words: Tensor, word_mask: Tensor
    ) -> Tensor:
        """Return where each text is seen in its window."""
        head = getattr(self.model, 'local_head', None)
        if head is None:
            return self.model.heatmaps(patches, TextFeatures(sentence, words, word_mask))
        assert isinstance(head, AttentionHead), 'other heads are refused before'
        # Its own ``heatmaps`` looks at values to save work: a graph cannot.
        regions = head.project_video(rearrange(patches, 'N T P C -> N (T P) C'))
        stack = head.stack()
        texts = prepare_texts(head.project_text(words)[:, None], word_mask[:, None], stack)
        heat = stack.heat(regions, None, texts)
        return rearrange(heat, 'N 1 (T P) -> N T P', P=patches.shape[2])


def exported_parts(model: 'BaseGrounder') -> dict[str, ExportedPart]:
    """Return the graphs of a grounder by name: ``video``, ``text``, ``similarity`` and ``heat``.

    Examples have lengths that differ from each other and from 1, so that no axis that may have any
    length is taken for a constant. What enters the heads comes out of the encoders: on anything
    else sharp attention would turn rounding into another answer.

    Raises:
        ValueError: If the model has a part that cannot be expressed.
    """
    backbone = convertible_backbone(model)
    side = backbone.image_size
    token_ids, token_mask = backbone.tokenize(['crack an egg into it', 'stir', 'pour the milk'])
    pictures = torch.randn(6, 3, side, side)
    with torch.no_grad():
        frames, patches = VideoEncoder(backbone)(pictures)
        sentence, words, word_mask = TextEncoder(backbone)(token_ids, token_mask)
    text = {'sentence': sentence, 'words': words, 'word_mask': word_mask}
    similarity = {'frames': frames[:4], **text}
    if model.similarity_needs_patches:
        similarity['patches'] = patches[:4]
    windows = rearrange(patches, '(N T) P C -> N T P C', N=3)
    return {
        'video': ExportedPart(
            VideoEncoder(backbone),
            {'pictures': pictures[:2]},
            ('frames', 'patches'),
            {'pictures': {0: 'frames'}},
        ),
        'text': ExportedPart(
            TextEncoder(backbone),
            {'token_ids': token_ids, 'token_mask': token_mask},
            ('sentence', 'words', 'word_mask'),
            dict.fromkeys(('token_ids', 'token_mask'), _token_axes(backbone)),
        ),
        'similarity': ExportedPart(
            Similarity(model),
            similarity,
            ('similarity',),
            {name: {0: 'queries' if name in text else 'frames'} for name in similarity},
        ),
        'heat': ExportedPart(
            PairedHeat(model),
            {'patches': windows, **text},
            ('heat',),
            {'patches': {0: 'pairs', 1: 'window'}, **{name: {0: 'pairs'} for name in text}},
        ),
    }


def _token_axes(backbone: 'CLIPBackbone | SiglipBackbone') -> dict[int, str]:
    """Return the axes of token ids; an encoder that reads its padding has one length."""
    short, long = (backbone.tokenize([text])[0].shape[1] for text in ('a', 'a b c d'))
    return {0: 'queries'} if short == long else {0: 'queries', 1: 'tokens'}


def convertible_backbone(model: 'BaseGrounder') -> 'CLIPBackbone | SiglipBackbone':
    """Return the backbone of a model that can be converted.

    Raises:
        ValueError: If it cannot be; the message names the part.
    """
    from stgr.models.backbones import CLIPBackbone, SiglipBackbone
    from stgr.models.grounders import SpatioTemporalGrounder, ZeroShotGrounder

    kinds = (SpatioTemporalGrounder, ZeroShotGrounder)
    if type(model) not in kinds:  # their children answer in other ways
        raise ValueError(f'a {type(model).__name__} cannot be converted; {_names(kinds)} can')
    backbone, encoders = model.backbone, (CLIPBackbone, SiglipBackbone)
    if not isinstance(backbone, encoders) or type(backbone) not in encoders:
        raise ValueError(
            f'a model on {type(backbone).__name__} cannot be converted; one on '
            f'{_names(encoders)} can'
        )
    if isinstance(model, SpatioTemporalGrounder):
        if model.global_head is None:
            raise ValueError('a model without global head cannot be converted')
        if not isinstance(model.local_head, AttentionHead | None):
            raise ValueError(
                f'a model with a {type(model.local_head).__name__} cannot be converted; heads of '
                'attention can'
            )
    return backbone


def _names(kinds: tuple[type, ...]) -> str:
    return ' or '.join(kind.__name__ for kind in kinds)
