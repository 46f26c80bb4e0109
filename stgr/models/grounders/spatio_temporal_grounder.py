"""The paper's model: select frames, learn globally what and when, locally what and where."""

from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from stgr.models.grounders.base_grounder import BaseGrounder, Config
from stgr.models.grounders.patch_similarity import patch_similarity_maps
from stgr.models.heads import GlobalHead, LocalHead
from stgr.models.losses import ScoreLoss
from stgr.models.selectors import BaseSelector
from stgr.ops.gather import all_gather
from stgr.registry import MODELS
from stgr.structures.features import TextFeatures, VideoFeatures
from stgr.structures.frame_selection import FrameSelection


@MODELS.register_module()
class SpatioTemporalGrounder(BaseGrounder):
    """The model of "What, When, and Where?" (Chen et al., CVPR 2024).

    A training step, in order:

    1. Encode all candidate frames of each clip, and its narration.
    2. Select the frames that the narration speaks about, by the global head's projections and
       without gradient (Sec. 3.2).
    3. Global scores: mean of the selected frames against the sentence, every clip with every
       narration (Sec. 3.1). Local scores: patches of the selected frames against the words.
    4. Each score matrix has its loss (Eq. 1); the total is their sum. With several processes the
       global loss sees the clips and narrations of all of them, as if one had the whole batch; the
       local one those of its own, as in the authors' code.

    Training compares by raw dot products, inference by cosines.

    Args:
        backbone: Config of the encoders.
        selector: Config of the frame selector.
        loss: Config of the loss on score matrices.
        local_loss: Config of the local branch's own loss; None for the same.
        global_head: Config of the global head without the backbone's widths, None to leave the
            branch out: then frames are scored by the local head, and selected by raw features.
        local_head: Likewise of the local head; without it patches are located by the global
            head's projections.
        local_weight: Factor of the local loss (1 in the paper).
        threshold: See ``BaseGrounder``.

    Raises:
        ValueError: If both heads are left out.
    """

    def __init__(
        self,
        backbone: Config,
        *,
        selector: Config,
        loss: Config,
        local_loss: Config | None = None,
        global_head: Config | None = None,
        local_head: Config | None = None,
        local_weight: float = 1.0,
        threshold: float = 0.5,
    ) -> None:
        super().__init__(backbone, threshold=threshold)
        if global_head is None and local_head is None:
            raise ValueError(
                'a grounder needs a global_head, a local_head or both, but got neither'
            )
        widths = {'video_dim': self.backbone.video_dim, 'text_dim': self.backbone.text_dim}
        self.selector: BaseSelector = MODELS.build(selector)
        self.global_loss: ScoreLoss = MODELS.build(loss)
        self.local_loss: ScoreLoss = MODELS.build(local_loss or loss)
        self.global_head: GlobalHead | None = _built(widths, global_head)
        self.local_head: LocalHead | None = _built(widths, local_head)
        self.local_weight = local_weight
        self.similarity_needs_patches = global_head is None

    def loss(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return ``loss_global`` and ``loss_local`` of a batch, those whose branch is there."""
        text = self.backbone.encode_text(inputs['token_ids'], inputs['token_mask'])
        video = self._candidates(inputs)
        selection = self.select(video, text)
        video = self._selected(inputs, video, selection)
        losses = {}
        if self.global_head is not None:
            losses['loss_global'] = self.global_loss(self.global_scores(video, text))
        if self.local_head is not None:
            scores = self.local_scores(video, text)
            losses['loss_local'] = self.local_weight * self.local_loss(scores)
        return losses | self.further_losses(inputs, video, text)

    def further_losses(
        self, inputs: dict[str, Tensor], video: VideoFeatures, text: TextFeatures
    ) -> dict[str, Tensor]:
        """Return losses that a subclass adds; here none.

        Args:
            inputs: The batch.
            video: Features of the selected frames.
            text: Features of the narrations.
        """
        return {}

    def select(self, video: VideoFeatures, text: TextFeatures) -> FrameSelection:
        """Return the frames of each clip that its narration speaks about; no gradient."""
        frames, words, sentence = video.frames, text.words, text.sentence
        with torch.no_grad():
            if self.global_head is not None:
                frames = self.global_head.project_video(frames)
                words = self.global_head.project_text(words)
                sentence = self.global_head.project_text(sentence)
            return self.selector(frames, words, sentence, video.mask, text.mask)

    def global_scores(self, video: VideoFeatures, text: TextFeatures) -> Tensor:
        """Return raw scores of every clip with every narration by their means.

        (B, B), or (W * B, W * B) with the batches of all W processes, on every one of them.
        """
        assert self.global_head is not None, 'the global branch was left out'
        frames = self.global_head.project_video(video.frames)
        pooled = self.global_head.pool(frames, video.mask)
        sentence = self.global_head.project_text(text.sentence)
        return self.global_head.scores(all_gather(pooled), all_gather(sentence))

    def local_scores(self, video: VideoFeatures, text: TextFeatures) -> Tensor:
        """Return raw scores of every clip with every narration by patches and words, (B, B)."""
        assert self.local_head is not None, 'the local branch was left out'
        assert video.patches is not None, 'the local branch needs patch features'
        patches = video.patches
        region_mask = video.mask[:, :, None].expand(patches.shape[:3])
        return self.local_head.scores(
            rearrange(patches, 'b t p c -> b (t p) c'),
            text.words,
            region_mask=rearrange(region_mask, 'b t p -> b (t p)'),
            word_mask=text.mask,
        )

    def similarity(self, video: VideoFeatures, text: TextFeatures) -> Tensor:
        """Return how similar each query is to each frame, (Q, F); see the base class."""
        if self.global_head is not None:
            frames = self.global_head.project_video(video.frames[0])
            return self.global_head.similarity(frames, self.global_head.project_text(text.sentence))
        assert self.local_head is not None, 'there is at least one head'
        assert video.patches is not None, 'the local branch needs patch features'
        return self.local_head.frame_scores(video.patches[0], text.words, text.mask)

    def heatmaps(self, patches: Tensor, text: TextFeatures) -> Tensor:
        """Return where each text is seen in its frame, (N, P); see the base class."""
        if self.local_head is not None:
            maps = self.local_head.heatmaps(patches[:, None], text.words, text.mask)
            return rearrange(maps, 'n 1 p -> n p')
        assert self.global_head is not None, 'there is at least one head'
        return patch_similarity_maps(
            self.global_head.project_video(patches), self.global_head.project_text(text.sentence)
        )

    def _candidates(self, inputs: dict[str, Tensor]) -> VideoFeatures:
        """Encode all candidates: without gradient, for only the selected ones are learned from."""
        with torch.no_grad():
            return self.stored_or_encoded(inputs)

    def _selected(
        self, inputs: dict[str, Tensor], video: VideoFeatures, selection: FrameSelection
    ) -> VideoFeatures:
        """Return the features of the selected frames, with gradient if the backbone learns."""
        if 'frames' in inputs and any(p.requires_grad for p in self.backbone.parameters()):
            return self.backbone.encode_video(selection.take(inputs['frames']), selection.mask)
        patches = None if video.patches is None else selection.take(video.patches)
        return VideoFeatures(selection.take(video.frames), patches, selection.mask, video.grid)


def _built(widths: Config, head: Config | None) -> Any:
    """Return a head as wide as the backbone, None for a branch that is left out."""
    return None if head is None else MODELS.build(widths | head)
