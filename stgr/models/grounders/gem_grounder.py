"""Grounding without training: any image-text model, looked into and asked well."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from stgr.models.backbones import SelfSelfAttentionBackbone
from stgr.models.grounders.base_grounder import BaseGrounder, Config
from stgr.models.heads import PromptHeatMapHead
from stgr.models.prompts import PromptBank
from stgr.ops.cosine import cosine_matrix
from stgr.registry import MODELS
from stgr.structures.features import TextFeatures, VideoFeatures


@MODELS.register_module()
class GEMGrounder(BaseGrounder):
    """An image-text model as a grounder: GEM's patches, VideoGEM's prompts, scores over time.

    * When: the cosine of a frame and the mean direction of a query's prompts, minus the greatest
      cosine of that frame and a prompt that describes no action, if there are such. Above 0 the
      frame is more like the query than like any of these, so 0 is a threshold that needs no
      calibration; calibration finds a better one. Smoothing, the sharing of frames among a pool
      and hysteresis follow. All of this is ours: both papers only say where.
    * Where: see ``heat_map_head``.

    There is nothing to train.

    Args:
        backbone: Config of a ``SelfSelfAttentionBackbone``.
        prompts: Config of a ``PromptBank``.
        heat_map_head: Config of a ``PromptHeatMapHead``.
        time_scores: See ``BaseGrounder``.
        localizer: Likewise.
        threshold: That of a pool until it is calibrated.
        query_threshold: That of a query judged alone, likewise; None: the same. A pool's scores are
            shifted when it shares the frames, so that calibrated ones differ.

    Raises:
        TypeError: If the backbone is of another kind.
        ValueError: If the head needs layers apart and the backbone keeps none, or the other way
            round.
    """

    learns = False
    backbone: SelfSelfAttentionBackbone

    def __init__(
        self,
        backbone: Config,
        *,
        prompts: Config,
        heat_map_head: Config,
        time_scores: Config | None = None,
        localizer: Config | None = None,
        threshold: float = 0.0,
        query_threshold: float | None = None,
    ) -> None:
        super().__init__(
            backbone, threshold=threshold, time_scores=time_scores, localizer=localizer
        )
        if query_threshold is not None:
            self.query_threshold.fill_(query_threshold)
        self.prompts: PromptBank = MODELS.build(prompts)
        self.heat_map_head: PromptHeatMapHead = MODELS.build(heat_map_head)
        _check(self.backbone, self.heat_map_head)
        with torch.no_grad():
            nulls = self._encode_prompts(self.prompts.null_prompts)
        self.register_buffer('null_embeds', nulls, persistent=False)

    def loss(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Refuse: there is nothing to learn."""
        del inputs
        raise ValueError('GEMGrounder has nothing to train; run tools/test.py on it')

    def settings_beyond_config(self) -> str:
        """Return what the file of prompts says."""
        return repr(sorted(self.prompts.entries.items())) if self.prompts.entries else ''

    def encode_text(self, sentences: list[str]) -> TextFeatures:
        """Return the embedded prompts of queries.

        Returns:
            ``sentence``: the mean direction of the prompts of the query, (Q, C). ``words``: of
            action, verb and object, (Q, 3, C), with a mask of those that the query has.

        Raises:
            ValueError: If a prompt is longer than the model reads.
        """
        asked = [self.prompts(sentence) for sentence in sentences]
        groups = [[p.action, p.verb, p.object] for p in asked]
        flat = [text for parts in groups for part in parts for text in part]
        embeds = self._encode_prompts(flat)
        words = embeds.new_zeros(len(asked), 3, embeds.shape[-1])
        mask = torch.zeros(len(asked), 3, dtype=torch.bool, device=embeds.device)
        start = 0
        for q, parts in enumerate(groups):
            for slot, part in enumerate(parts):
                if part:
                    ensemble = embeds[start : start + len(part)]
                    words[q, slot] = F.normalize(ensemble.mean(dim=0), dim=-1)
                    mask[q, slot] = True
                    start += len(part)
        return TextFeatures(words[:, 0], words, mask)

    def _encode_prompts(self, prompts: Sequence[str]) -> Tensor:
        """Return the directions of prompts, (N, C) float32; of none, (0, C)."""
        device = self.device
        if not prompts:
            return torch.zeros(0, self.backbone.text_dim, device=device)
        for prompt, cut in zip(prompts, self.backbone.tokens_cut(prompts), strict=True):
            if cut:
                raise ValueError(
                    f'the prompt {prompt[:40]!r}... is {cut} tokens longer than the model reads; '
                    'shorten it'
                )
        token_ids, mask = self.backbone.tokenize(prompts)
        text = self.backbone.encode_text(token_ids.to(device), mask.to(device))
        return F.normalize(text.sentence.float(), dim=-1)

    def similarity(self, video: VideoFeatures, text: TextFeatures) -> Tensor:
        """Return how much more each frame is like each query than like nothing, (Q, F)."""
        cosine = cosine_matrix(text.sentence, video.frames[0])
        if not len(self.null_embeds):
            return cosine
        return cosine - cosine_matrix(self.null_embeds, video.frames[0]).amax(dim=0)

    def heatmaps(self, patches: Tensor, text: TextFeatures) -> Tensor:
        """Return where each text is seen in each frame, (N, T, P); see the base class."""
        heat: Tensor = self.heat_map_head(patches, text.words, text.mask, self.backbone)
        return heat


def _check(backbone: object, head: PromptHeatMapHead) -> None:
    """Refuse parts that do not fit each other."""
    if not isinstance(backbone, SelfSelfAttentionBackbone):
        raise TypeError(
            f'GEMGrounder needs a SelfSelfAttentionBackbone, but got {type(backbone).__name__}'
        )
    if head.needs_layers and not backbone.separate_layers:
        raise ValueError(
            f'{type(head).__name__} weighs layers for each prompt, but the backbone keeps none '
            'apart; set backbone.separate_layers, 3 in VideoGEM'
        )
