"""The paper's model: select frames, learn globally what and when, locally what and where."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from einops import rearrange
from torch import Tensor

from stgr.models.grounders.base_grounder import BaseGrounder, Config
from stgr.models.grounders.patch_similarity import patch_similarity_maps
from stgr.models.heads import GlobalHead, LocalHead
from stgr.models.losses import ScoreLoss
from stgr.models.selectors import BaseSelector
from stgr.ops.gather import all_gather, pad_to_longest
from stgr.ops.masking import at_least_float32
from stgr.registry import MODELS
from stgr.structures.features import AudioFeatures, TextFeatures, VideoFeatures
from stgr.structures.frame_selection import FrameSelection
from stgr.structures.grounding_sample import GroundingSample

GlobalFrames = Literal['selected', 'candidates']
Negatives = Literal['process', 'all']


@dataclass(frozen=True)
class EncodedClips:
    """What the losses of a batch look at.

    Args:
        video: Features of the selected frames.
        averaged: Those of the frames that the global branch averages.
        text: Features of the narrations.
        audio: Those of the sound, if the model listens.
    """

    video: VideoFeatures
    averaged: VideoFeatures
    text: TextFeatures
    audio: AudioFeatures | None = None


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
       local one those of its own, as in the authors' code, or of all.

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
        local_negatives: Whose narrations a clip's own has to win against in the local loss with
            several processes: those of its ``process``, or of ``all``, which costs each process
            as many times more as there are.
        select_projected: Select by the global head's projections (the paper), or by the features
            as the backbone makes them (the released code).
        global_frames: Which frames the global branch averages: the ``selected`` ones (the paper's
            Figure 2) or all ``candidates`` (the released code). A backbone that learns gets no
            gradient through candidates that were not selected.
        threshold: See ``BaseGrounder``.
        heat_window: Likewise.
        time_scores: Likewise.
        localizer: Likewise.

    Raises:
        ValueError: If both heads are left out, a name is unknown, or a selector is to compare
            features of different widths.
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
        local_negatives: Negatives = 'process',
        select_projected: bool = True,
        global_frames: GlobalFrames = 'selected',
        threshold: float = 0.5,
        heat_window: int = 1,
        time_scores: Config | None = None,
        localizer: Config | None = None,
    ) -> None:
        super().__init__(
            backbone,
            threshold=threshold,
            heat_window=heat_window,
            time_scores=time_scores,
            localizer=localizer,
        )
        if global_head is None and local_head is None:
            raise ValueError(
                'a grounder needs a global_head, a local_head or both, but got neither'
            )
        _check_name('global_frames', global_frames, get_args(GlobalFrames))
        _check_name('local_negatives', local_negatives, get_args(Negatives))
        widths = {'video_dim': self.backbone.video_dim, 'text_dim': self.backbone.text_dim}
        self.selector: BaseSelector = MODELS.build(selector)
        self.global_loss: ScoreLoss = MODELS.build(loss)
        self.local_loss: ScoreLoss = MODELS.build(local_loss or loss)
        self.global_head: GlobalHead | None = _built(widths, global_head)
        self.local_head: LocalHead | None = _built(widths, local_head)
        self.local_weight = local_weight
        self.local_negatives: Negatives = local_negatives
        self.select_projected = select_projected and self.global_head is not None
        self._check_selection()
        self.global_frames: GlobalFrames = global_frames
        self.similarity_needs_patches = self.global_head is None or self.global_head.needs_patches

    def _check_selection(self) -> None:
        """Refuse a selector that would compare what has no space in common."""
        video_dim, text_dim = self.backbone.video_dim, self.backbone.text_dim
        if self.selector.needs_text and not self.select_projected and video_dim != text_dim:
            raise ValueError(
                f'{type(self.selector).__name__} compares frames with texts, but those of '
                f'{type(self.backbone).__name__} are {video_dim} and {text_dim} wide: select by '
                "the global head's projections, or by UniformSelector or AllFrames"
            )

    def forward(
        self,
        inputs: dict[str, Tensor],
        data_samples: list[GroundingSample],
        mode: str = 'loss',
        *,
        selection: FrameSelection | None = None,
        local: bool = True,
    ) -> Any:
        """Return losses, answers, or what ``choose_frames`` or ``embed`` return.

        For ``mode='choose'`` and ``mode='embed'``, which takes ``selection`` and ``local``. They go
        through here so that a wrapper for several processes sees them.
        """
        if mode == 'choose':
            return self.choose_frames(inputs)
        if mode != 'embed':
            return super().forward(inputs, data_samples, mode)
        assert selection is not None, "mode='embed' needs the frames that choose_frames returned"
        return self.embed(inputs, selection, local=local)

    def loss(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return ``loss_global`` and ``loss_local`` of a batch, those whose branch is there."""
        text = self.backbone.encode_text(inputs['token_ids'], inputs['token_mask'])
        candidates = self._candidates(inputs)
        selection = self.select(candidates, text)
        clips = self._encoded(inputs, text, candidates, selection)
        return self.global_losses(self.global_embeds(clips)) | self.local_losses(clips)

    @torch.no_grad()
    def choose_frames(self, inputs: dict[str, Tensor]) -> FrameSelection:
        """Return the frames that ``loss`` would learn from."""
        text = self.backbone.encode_text(inputs['token_ids'], inputs['token_mask'])
        return self.select(self._candidates(inputs), text)

    def embed(
        self, inputs: dict[str, Tensor], selection: FrameSelection, *, local: bool = True
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return what the global losses compare, and the local losses, of part of a batch.

        ``global_losses`` of the joined parts gives what ``loss`` gives of the whole batch.

        Args:
            inputs: Some clips.
            selection: Their frames, see ``choose_frames``.
            local: Whether local losses are wanted.
        """
        text = self.backbone.encode_text(inputs['token_ids'], inputs['token_mask'])
        clips = self._encoded(inputs, text, self._looked_at(inputs), selection)
        return self.global_embeds(clips), self.local_losses(clips) if local else {}

    def global_embeds(self, clips: EncodedClips) -> dict[str, Tensor]:
        """Return what the global losses compare, a row (B, ...) per clip; {} without the branch."""
        if self.global_head is None:
            return {}
        frames = self.global_head.embed_frames(clips.averaged)
        return {
            'clips': self.global_head.pool(frames, clips.averaged.mask),
            'sentences': at_least_float32(self.global_head.embed_sentences(clips.text)),
        }

    def global_losses(self, embeds: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return ``loss_global`` of what ``global_embeds`` returned; {} without the branch.

        Clips of all W processes are compared, (W * B, W * B), on every one of them.
        """
        if self.global_head is None:
            return {}
        clips, sentences = all_gather(embeds['clips']), all_gather(embeds['sentences'])
        return {'loss_global': self.global_loss(self.global_head.scores(clips, sentences))}

    def local_losses(self, clips: EncodedClips) -> dict[str, Tensor]:
        """Return ``loss_local``; {} without the branch."""
        if self.local_head is None:
            return {}
        scores = self.local_scores(clips.video, clips.text)
        return {'loss_local': self.local_weight * self.local_loss(scores)}

    def select(self, video: VideoFeatures, text: TextFeatures) -> FrameSelection:
        """Return the frames of each clip that its narration speaks about; no gradient."""
        with torch.no_grad():
            if self.select_projected:
                video, text = self._projected(video, text)
            return self.selector(video, text)

    def _projected(
        self, video: VideoFeatures, text: TextFeatures
    ) -> tuple[VideoFeatures, TextFeatures]:
        """Return what the selector reads, in the space of the global head."""
        head = self.global_head
        assert head is not None, 'the global branch was left out'
        patches = None
        if self.selector.needs_patches and video.patches is not None:
            patches = head.project_video(video.patches)
        return (
            VideoFeatures(head.embed_frames(video), patches, video.mask, video.grid),
            TextFeatures(head.embed_sentences(text), head.project_text(text.words), text.mask),
        )

    def local_scores(self, video: VideoFeatures, text: TextFeatures) -> Tensor:
        """Return raw scores of every clip with every narration by patches and words.

        (B, B), or (W * B, W * B) on all W processes with the narrations of all of them.
        """
        assert self.local_head is not None, 'the local branch was left out'
        assert video.patches is not None, 'the local branch needs patch features'
        patches = video.patches
        region_mask = video.mask[:, :, None].expand(patches.shape[:3])
        words, word_mask = text.words, text.mask
        if self.local_negatives == 'all':
            words = all_gather(pad_to_longest(words, dim=1))
            word_mask = all_gather(pad_to_longest(word_mask, dim=1))
        scores = self.local_head.scores(
            rearrange(patches, 'b t p c -> b (t p) c'),
            words,
            region_mask=rearrange(region_mask, 'b t p -> b (t p)'),
            word_mask=word_mask,
        )
        return all_gather(scores) if self.local_negatives == 'all' else scores

    def similarity(self, video: VideoFeatures, text: TextFeatures) -> Tensor:
        """Return how similar each query is to each frame, (Q, F); see the base class."""
        if self.global_head is not None:
            return self.global_head.similarity(self.embed_frames(video), self.embed_queries(text))
        assert self.local_head is not None, 'there is at least one head'
        assert video.patches is not None, 'the local branch needs patch features'
        return self.local_head.frame_scores(video.patches[0], text.words, text.mask)

    def embed_frames(self, video: VideoFeatures) -> Tensor:
        """Return each frame in the space of the global head, (F, D); see the base class."""
        if self.global_head is None:
            return super().embed_frames(video)
        return self.global_head.embed_frames(video)[0]

    def embed_queries(self, text: TextFeatures) -> Tensor:
        """Return each query in the space of the global head, (Q, D); see the base class."""
        if self.global_head is None:
            return super().embed_queries(text)
        return self.global_head.embed_sentences(text)

    def heatmaps(self, patches: Tensor, text: TextFeatures) -> Tensor:
        """Return where each text is seen in its window, (N, T, P); see the base class."""
        if self.local_head is not None:
            return self.local_head.heatmaps(patches, text.words, text.mask)
        assert self.global_head is not None, 'there is at least one head'
        return patch_similarity_maps(
            self.global_head.project_video(patches), self.global_head.embed_sentences(text)
        )

    def _candidates(self, inputs: dict[str, Tensor]) -> VideoFeatures:
        """Encode all candidates: without gradient, for only the selected ones are learned from."""
        with torch.no_grad():
            return self.stored_or_encoded(inputs)

    def _looked_at(self, inputs: dict[str, Tensor]) -> VideoFeatures | None:
        """Return the candidates again, None where the selected frames alone do."""
        alone = self.global_frames == 'selected' and self.backbone.frames_per_step == 1
        return None if alone and 'frames' in inputs else self._candidates(inputs)

    def _encoded(
        self,
        inputs: dict[str, Tensor],
        text: TextFeatures,
        candidates: VideoFeatures | None,
        selection: FrameSelection,
    ) -> EncodedClips:
        """Return what the losses look at; ``candidates`` may be None as ``_looked_at`` says."""
        video = self._selected(inputs, candidates, selection)
        if self.global_frames == 'selected':
            return EncodedClips(video, video, text)
        assert candidates is not None, 'all candidates are averaged'
        return EncodedClips(video, candidates, text)

    def _selected(
        self, inputs: dict[str, Tensor], video: VideoFeatures | None, selection: FrameSelection
    ) -> VideoFeatures:
        """Return the features of the selected frames, with gradient if the backbone learns."""
        learns = self.backbone.video_learns
        if video is None or ('frames' in inputs and learns):
            if self.backbone.frames_per_step == 1:
                with torch.set_grad_enabled(learns and torch.is_grad_enabled()):
                    frames = selection.take(inputs['frames'])
                    return self.backbone.encode_video(frames, selection.mask)
            # A step looks at its neighbours too: only among all candidates is it the same one.
            video = self.backbone.encode_video(inputs['frames'], inputs['frame_mask'])
        patches = None if video.patches is None else selection.take(video.patches)
        return VideoFeatures(selection.take(video.frames), patches, selection.mask, video.grid)


def _built(widths: Config, head: Config | None) -> Any:
    """Return a head as wide as the backbone, None for a branch that is left out."""
    return None if head is None else MODELS.build(widths | head)


def _check_name(argument: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f'{argument} must be one of {known}, but got {value!r}')
