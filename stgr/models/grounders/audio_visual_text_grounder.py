"""The paper's model with sound: video, audio and text learn from each other, pair by pair."""

import dataclasses
from typing import Any

import torch
from einops import rearrange, repeat
from torch import Tensor

from stgr.models.backbones.audio_backbone import AudioBackbone
from stgr.models.grounders.base_grounder import Config
from stgr.models.grounders.spatio_temporal_grounder import (
    EncodedClips,
    SpatioTemporalGrounder,
)
from stgr.models.heads import AudioHead, CrossSelfCrossHead
from stgr.models.losses import ScoreLoss
from stgr.ops.gather import all_gather
from stgr.ops.log_mel import FRAMES_PER_SEC
from stgr.ops.masking import mean_weights
from stgr.registry import MODELS
from stgr.structures.features import (
    AudioFeatures,
    HeardVideoFeatures,
    TextFeatures,
    VideoFeatures,
)
from stgr.structures.frame_selection import FrameSelection

_GLOBAL = ('clips', 'sentences', 'sounds', 'heard')


@MODELS.register_module()
class AudioVisualTextGrounder(SpatioTemporalGrounder):
    """``SpatioTemporalGrounder`` that also listens in training (paper, Table 11).

    To the losses of video and text come those of video and audio and of audio and text, on both
    levels and by the same loss functions. Only clips with sound take part in them. The selection of
    frames does not listen. (GroundingYouTube, ``s3dg_all.py`` and ``main_distributed.py`` at
    d5af111; where its maths differs, see ``AudioHead``. It weights the local losses only.)

    It answers without sound, exactly as its parent. With ``audio_at_test``, the embedding of a
    frame has that of the sound around it added before the cosine with the query: training scores
    are dot products, of which this is the sum. Where a caller has no sound to give, as on the
    command line, a model so configured answers without it.

    Args:
        backbone: See ``SpatioTemporalGrounder``.
        audio_backbone: Config of an ``AudioBackbone``.
        audio_head: Config of the audio head without widths.
        va_weight: Factor of the losses of video and audio.
        at_weight: Factor of the losses of audio and text.
        audio_at_test: Seconds of sound around each frame that count in testing, as many as a clip
            of training has; the pipeline must then load whole sounds, ``LoadAudio(frames=None)``,
            whose levels are relative to the loudest of the video. None: without sound.
        **settings: See ``SpatioTemporalGrounder``.

    Raises:
        ValueError: If both heads are left out, sound shall count in testing without global head, or
            the local branch is to compare by cosine or with the texts of all processes.
        TypeError: If the local head is not a ``CrossSelfCrossHead``, which audio goes through.
    """

    def __init__(
        self,
        backbone: Config,
        *,
        audio_backbone: Config,
        audio_head: Config,
        va_weight: float = 1.0,
        at_weight: float = 1.0,
        audio_at_test: float | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(backbone, **settings)
        if self.local_head is not None and not isinstance(self.local_head, CrossSelfCrossHead):
            raise TypeError(
                'audio goes through the stack of a CrossSelfCrossHead, but local_head is a '
                f'{type(self.local_head).__name__}'
            )
        if self.local_head is not None and self.local_head.cosine_in_training:
            raise ValueError('audio is compared by raw products: leave cosine_in_training out')
        if self.local_negatives != 'process':
            raise ValueError(
                'the local losses with audio know the clips of one process only: local_negatives '
                f"must be 'process', but got {self.local_negatives!r}"
            )
        if audio_at_test is not None and self.global_head is None:
            raise ValueError('audio_at_test needs a global_head; leave one of them out')
        self.audio_backbone: AudioBackbone = MODELS.build(audio_backbone)
        widths = {
            'audio_dim': self.audio_backbone.audio_dim,
            'local_dim': None if self.local_head is None else self.local_head.dim,
            'global_dim': None if self.global_head is None else self.global_head.dim,
        }
        self.audio_head: AudioHead = MODELS.build(widths | audio_head)
        self.va_weight = va_weight
        self.at_weight = at_weight
        self.audio_at_test = audio_at_test

    def global_embeds(self, clips: EncodedClips) -> dict[str, Tensor]:
        """Return those of the parent, and of each clip its sound and whether it has one."""
        embeds = super().global_embeds(clips)
        if self.global_head is not None:
            audio = _sound(clips)
            embeds |= {'sounds': self.audio_head.pool(audio), 'heard': audio.mask.any(dim=1)}
        return embeds

    def global_losses(self, embeds: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return ``loss_global``, ``loss_global_va`` and ``loss_global_at``."""
        losses = super().global_losses(embeds)
        if self.global_head is None:
            return losses
        clips, sentences, sounds, heard = map(all_gather, (embeds[name] for name in _GLOBAL))
        head = self.global_head
        va = _loss_of_heard(self.global_loss, head.scores(clips, sounds), heard)
        at = _loss_of_heard(self.global_loss, head.scores(sounds, sentences), heard)
        return losses | {
            'loss_global_va': self.va_weight * va,
            'loss_global_at': self.at_weight * at,
        }

    def local_losses(self, clips: EncodedClips) -> dict[str, Tensor]:
        """Return ``loss_local``, ``loss_local_va`` and ``loss_local_at``."""
        losses = super().local_losses(clips)
        if self.local_head is not None:
            losses |= self._local_losses_of_sound(clips.video, clips.text, _sound(clips))
        return losses

    def similarity(self, video: VideoFeatures, text: TextFeatures) -> Tensor:
        """Return how similar each query is to each frame, with its sound where given, (Q, F)."""
        if not isinstance(video, HeardVideoFeatures) or self.global_head is None:
            return super().similarity(video, text)
        frames = self.global_head.embed_frames(video)[0]
        sounds = self.audio_head.project_global(video.audio[0])
        frames = frames + sounds * video.heard[0, :, None]
        return self.global_head.similarity(frames, self.global_head.embed_sentences(text))

    def video_features(self, inputs: dict[str, Tensor]) -> VideoFeatures:
        """Return the features of a whole video, with its sound if it counts in testing.

        Raises:
            KeyError: If sound counts and there is none.
        """
        video = super().video_features(inputs)
        if self.audio_at_test is None:
            return video
        audio = self._encode_audio(inputs)
        near = self._near(audio, inputs['heard_at_sec'])  # (B, U, N)
        means = mean_weights(near, audio.steps.dtype) @ audio.steps
        return HeardVideoFeatures(
            video.frames, video.patches, video.mask, video.grid, means, near.any(dim=-1)
        )

    def _encoded(
        self,
        inputs: dict[str, Tensor],
        text: TextFeatures,
        candidates: VideoFeatures | None,
        selection: FrameSelection,
    ) -> EncodedClips:
        """Return what the losses look at, with the sound.

        Raises:
            KeyError: If the batch has no sound.
        """
        clips = super()._encoded(inputs, text, candidates, selection)
        return dataclasses.replace(clips, audio=self._encode_audio(inputs))

    def _encode_audio(self, inputs: dict[str, Tensor]) -> AudioFeatures:
        if 'audio' not in inputs:
            raise KeyError(
                f'{type(self).__name__} needs sound, which the batch has not; put LoadAudio into '
                'the pipeline, before PackClip'
            )
        return self.audio_backbone.encode_audio(inputs['audio'], inputs['audio_mask'])

    def _near(self, audio: AudioFeatures, heard_at_sec: Tensor) -> Tensor:
        """Return which steps are real and near enough to each frame to count, (B, U, N) bool."""
        assert self.audio_at_test is not None, 'sound does not count'
        steps = torch.arange(audio.steps.shape[1], device=audio.steps.device)
        step_sec = steps * self.audio_backbone.stride / FRAMES_PER_SEC
        away_sec = (heard_at_sec[..., None] - step_sec).abs()
        return (away_sec <= self.audio_at_test / 2) & audio.mask[:, None]

    def _local_losses_of_sound(
        self, video: VideoFeatures, text: TextFeatures, audio: AudioFeatures
    ) -> dict[str, Tensor]:
        """Compare patches, steps of sound and words of the clips of this process."""
        head = self.local_head
        assert isinstance(head, CrossSelfCrossHead), 'checked when it was built'
        assert video.patches is not None, 'the local branch needs patch features'
        va = self.audio_head.video_scores(
            head,
            rearrange(video.patches, 'b t p c -> b (t p) c'),
            repeat(video.mask, 'b t -> b (t p)', p=video.patches.shape[2]),
            audio,
        )
        at = self.audio_head.text_scores(head, audio, text.words, text.mask)
        heard = audio.mask.any(dim=1)
        return {
            f'loss_local_{pair}': self.local_weight
            * weight
            * _loss_of_heard(self.local_loss, scores, heard)
            for pair, weight, scores in (('va', self.va_weight, va), ('at', self.at_weight, at))
        }


def _sound(clips: EncodedClips) -> AudioFeatures:
    assert clips.audio is not None, 'sound is encoded with the rest'
    return clips.audio


def _loss_of_heard(loss: ScoreLoss, scores: Tensor, heard: Tensor) -> Tensor:
    """Return the loss of the clips with sound among themselves; 0 if there are none.

    The 0 hangs on the scores, so that every process has a gradient for every weight.
    """
    if not bool(heard.any()):
        return scores.sum() * 0
    return loss(scores[heard][:, heard])
