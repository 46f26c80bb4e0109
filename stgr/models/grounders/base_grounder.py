"""What training, testing and the ``Grounder`` share: one way to encode, one way to answer."""

from abc import abstractmethod
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from mmengine.model import BaseModel
from torch import Tensor

from stgr.localizers import ThresholdTemporalLocalizer
from stgr.models.backbones import GroundingBackbone
from stgr.models.data_preprocessors import ClipPreprocessor
from stgr.models.heads.time_scores import SmoothedTimeScores
from stgr.registry import LOCALIZERS, MODELS
from stgr.structures.features import TextFeatures, VideoFeatures
from stgr.structures.grounding_sample import GroundingSample

Config = dict[str, Any]
FRAMES_PER_CHUNK = 256  # pictures encoded together where no gradient is needed


class BaseGrounder(BaseModel):
    """A model that says when (``similarity``) and where (``heatmaps``) queries are seen.

    Two thresholds on the similarity stand in the weights, as buffers, because they are learned:
    chosen on validation videos, never on test videos. A frame below ``pool_threshold`` is
    background when the labels of a pool compete for it, below ``query_threshold`` when a query is
    judged alone.

    Args:
        backbone: Config of a ``GroundingBackbone``.
        threshold: Both thresholds until they are calibrated (0.5 in the paper, Sec. 4).
        heat_window: Consecutive frames of one label whose patches compete for its heat. 1: each
            frame by itself, as the paper draws it; 16: as the released evaluation does. The maps of
            a window sum to 1 together, so thresholds on their values depend on it.
        time_scores: Config of what makes scores of the similarities of a whole video, such as
            ``SmoothedTimeScores`` or ``SinkhornTimeScores``; None: they are the scores.
        localizer: Config of a ``ThresholdTemporalLocalizer`` or ``HysteresisTemporalLocalizer``,
            without threshold; its durations hold where no others are asked for. None for the
            former, without durations.

    Raises:
        ValueError: If ``heat_window`` is below 1.
    """

    learns: bool = True
    """Whether there is anything to train; if not, a model needs no weights but its backbone's."""
    similarity_needs_patches: bool = False
    """Whether ``similarity`` looks at patches: 50 times the bytes to read."""
    pool_threshold: Tensor
    query_threshold: Tensor

    def __init__(
        self,
        backbone: Config,
        *,
        threshold: float = 0.5,
        heat_window: int = 1,
        time_scores: Config | None = None,
        localizer: Config | None = None,
    ) -> None:
        if heat_window < 1:
            raise ValueError(f'heat_window must be >= 1, but got {heat_window}')
        encoder: GroundingBackbone = MODELS.build(backbone)
        super().__init__(
            ClipPreprocessor(encoder.image_size, encoder.mean, encoder.std, encoder.tokenize)
        )
        self.backbone = encoder
        self.heat_window = heat_window
        self.time_scores: SmoothedTimeScores | None = (
            None if time_scores is None else MODELS.build(time_scores)
        )
        self._localizer = localizer or {'type': ThresholdTemporalLocalizer}
        self.temporal_localizer(threshold)  # refuses a wrong config now
        self.register_buffer('pool_threshold', torch.tensor(float(threshold)))
        self.register_buffer('query_threshold', torch.tensor(float(threshold)))

    def forward(
        self, inputs: dict[str, Tensor], data_samples: list[GroundingSample], mode: str = 'loss'
    ) -> dict[str, Tensor] | list[GroundingSample]:
        """Return losses of training clips (``'loss'``) or answers on videos (``'predict'``)."""
        if mode == 'loss':
            return self.loss(inputs)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        raise ValueError(f"mode must be 'loss' or 'predict', but got {mode!r}")

    @abstractmethod
    def loss(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the losses of a batch of narrated clips."""

    @abstractmethod
    def similarity(self, video: VideoFeatures, text: TextFeatures) -> Tensor:
        """Return how similar each query is to each frame, (Q, F) float32.

        A cosine, unless a local head that scores frames alone was told to keep its raw product.

        Args:
            video: Features of F frames, as one clip (B = 1).
            text: Features of Q queries.
        """

    def embed_frames(self, video: VideoFeatures) -> Tensor:
        """Return each frame as one vector, (F, D): its cosine with a query's is ``similarity``.

        An index keeps these vectors. A model that scores frames in another way has none.

        Args:
            video: Features of F frames, as one clip (B = 1).

        Raises:
            ValueError: If the model has no space that frames and queries share.
        """
        raise ValueError(self._no_shared_space())

    def embed_queries(self, text: TextFeatures) -> Tensor:
        """Return each query in the space of ``embed_frames``, (Q, D).

        Raises:
            ValueError: If the model has no such space.
        """
        raise ValueError(self._no_shared_space())

    def _no_shared_space(self) -> str:
        return (
            'this model compares a query with patches, not with one vector per frame, so its '
            'frames cannot be indexed; use a model with a global head'
        )

    def scores_over_time(
        self, similarity: Tensor, times_sec: Tensor | np.ndarray | None, *, exclusive: bool
    ) -> Tensor:
        """Return what the thresholds judge, given the similarity of a whole video.

        Args:
            similarity: Of each query and frame, (Q, F).
            times_sec: Presentation times of the frames, (F,), ascending; None if not known.
            exclusive: Whether the queries are a pool of which a frame shows at most one.

        Returns:
            Scores, (Q, F).

        Raises:
            ValueError: If ``time_scores`` need times that are not known.
        """
        if self.time_scores is None:
            return similarity
        if times_sec is None:
            raise ValueError('scores over time need frame_times_sec of the video, but it has none')
        return self.time_scores(similarity, torch.as_tensor(times_sec), exclusive=exclusive)

    def temporal_localizer(
        self,
        threshold: float,
        *,
        min_duration_sec: float | None = None,
        max_gap_sec: float | None = None,
    ) -> ThresholdTemporalLocalizer:
        """Return what makes spans of these scores.

        Args:
            threshold: Score from which a frame counts.
            min_duration_sec: Spans shorter than this are dropped; None: as the config says.
            max_gap_sec: Spans at most this far apart become one; None: as the config says.
        """
        given = {'min_duration_sec': min_duration_sec, 'max_gap_sec': max_gap_sec}
        given = {name: value for name, value in given.items() if value is not None}
        localizer: ThresholdTemporalLocalizer = LOCALIZERS.build(
            {**self._localizer, 'threshold': threshold, **given}
        )
        return localizer

    @abstractmethod
    def heatmaps(self, patches: Tensor, text: TextFeatures) -> Tensor:
        """Return where each text is seen in its window.

        Args:
            patches: Patch features of N windows of T frames, (N, T, P, C).
            text: Features of N queries, one per window, or of one for all windows.

        Returns:
            Maps, (N, T, P) float32, >= 0, those of a window summing to 1 (each of them, where the
            model looks at single frames).
        """

    def encode_text(self, sentences: list[str]) -> TextFeatures:
        """Return the features of sentences, as in training."""
        token_ids, mask = self.backbone.tokenize(sentences)
        return self.backbone.encode_text(token_ids.to(self.device), mask.to(self.device))

    def encode_frames(self, frames: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return features of pictures as they come from a reader.

        Args:
            frames: RGB, (F, 3, H, W) uint8.
            mask: True for real frames, (F,) bool. None: all are.

        Returns:
            Frame features (F, C) and patch features (F, P, C), float32; one per step where the
            backbone makes steps of several frames.
        """
        pixels = self.data_preprocessor.normalise(frames.to(self.device))
        if mask is None:
            mask = torch.ones(len(frames), dtype=torch.bool)
        video = self.backbone.encode_video(pixels[None], mask[None].to(self.device))
        assert video.patches is not None, 'a backbone encodes patches with frames'
        return video.frames[0], video.patches[0]

    def settings_beyond_config(self) -> str:
        """Return what files named by the config say; answers are made anew when it changes."""
        return ''

    @property
    def device(self) -> torch.device:
        """Where the thresholds, and with them everything else, are."""
        return self.pool_threshold.device

    def stored_or_encoded(self, inputs: dict[str, Tensor]) -> VideoFeatures:
        """Return the features of a batch, from the store if they are in it.

        Raises:
            ValueError: If stored features are not as wide as the backbone's, or of another grid.
        """
        mask, grid = inputs['frame_mask'], self.backbone.grid
        if 'frames' in inputs:
            return self._encode(inputs['frames'], mask)
        width = inputs['frame_features'].shape[-1]
        if width != self.backbone.video_dim:
            raise ValueError(
                f'stored features have width {width}, those of the backbone '
                f'{self.backbone.video_dim}; extract them with this model'
            )
        return VideoFeatures(inputs['frame_features'], inputs.get('patch_features'), mask, grid)

    def _encode(self, frames: Tensor, mask: Tensor) -> VideoFeatures:
        """Encode clips, or whole videos in chunks: no gradient keeps their activations."""
        chunk = self.backbone.frames_per_chunk(max(1, FRAMES_PER_CHUNK // len(frames)))
        if torch.is_grad_enabled() or frames.shape[1] <= chunk:
            return self.backbone.encode_video(frames, mask)
        pairs = zip(frames.split(chunk, 1), mask.split(chunk, 1), strict=True)
        parts = [self.backbone.encode_video(*pair) for pair in pairs]
        patches = [part.patches for part in parts if part.patches is not None]
        return VideoFeatures(
            torch.cat([part.frames for part in parts], dim=1),
            torch.cat(patches, dim=1) if patches else None,
            torch.cat([part.mask for part in parts], dim=1),
            self.backbone.grid,
        )

    @torch.no_grad()
    def predict(
        self, inputs: dict[str, Tensor], data_samples: list[GroundingSample]
    ) -> list[GroundingSample]:
        """Answer the pool of each video, one label per frame; return the samples with the answers.

        What is returned is on the CPU, where metrics are computed.
        """
        for i, sample in enumerate(data_samples):
            clip = {key: values[i : i + 1] for key, values in inputs.items()}
            self._answer(self.video_features(clip), sample)
        return [sample.cpu() for sample in data_samples]

    def video_features(self, inputs: dict[str, Tensor]) -> VideoFeatures:
        """Return the features of a whole video (B = 1), one per frame: that of its step.

        The last step of frames that are encoded now is filled up with padding.
        """
        per_step, mask = self.backbone.frames_per_step, inputs['frame_mask']
        if per_step == 1 or 'frames' not in inputs:
            return self.stored_or_encoded(inputs)
        missing = -mask.shape[1] % per_step
        frames = F.pad(inputs['frames'], (0, 0, 0, 0, 0, 0, 0, missing))
        video = self._encode(frames, F.pad(mask, (0, missing)))
        assert video.patches is not None, 'a backbone encodes patches with frames'
        step = torch.arange(mask.shape[1], device=mask.device) // per_step
        return VideoFeatures(video.frames[:, step], video.patches[:, step], mask, video.grid)

    def _answer(self, video: VideoFeatures, sample: GroundingSample) -> None:
        """Put similarity, labels and heat maps of one video (B = 1) into its sample."""
        assert video.patches is not None, 'an answer needs patch features'
        patches = video.patches[0]
        text = self.encode_text(list(sample.pool))
        similarity = self.similarity(video, text)
        times_sec = sample.get('frame_times_sec')
        sample.similarity = self.scores_over_time(similarity, times_sec, exclusive=True)
        best = sample.similarity.max(dim=0)
        sample.pred_scores = best.values
        sample.pred_best_labels = best.indices
        localizer = self.temporal_localizer(float(self.pool_threshold))
        labels = localizer.label_frames(sample.similarity.cpu().numpy())
        above = torch.from_numpy(labels >= 0).to(self.device)
        sample.pred_labels = torch.where(above, best.indices, -1)
        sample.heatmaps = self.labelled_heatmaps(patches, text, best.indices, above)
        if 'gt_labels' in sample:
            labels = sample.gt_labels.to(patches.device)
            unasked = sample.get('unasked', [])
            if unasked:  # where a true action is seen may be asked, though not whether it happens
                text = self.encode_text([*sample.pool, *unasked])
            sample.gt_heatmaps = self.labelled_heatmaps(patches, text, labels, labels >= 0)

    def labelled_heatmaps(
        self, patches: Tensor, text: TextFeatures, labels: Tensor, wanted: Tensor
    ) -> Tensor:
        """Return the map of one query per frame, zeros where none is wanted.

        Args:
            patches: Patch features, (F, P, C).
            text: Features of Q queries.
            labels: Query of each frame, (F,); any value where not wanted.
            wanted: True where a map is wanted, (F,) bool.

        Returns:
            Maps, (F, h, w) float32.
        """
        maps = patches.new_zeros(patches.shape[:2], dtype=torch.float32)
        if bool(wanted.any()):
            rows = labels[wanted].long()
            chosen = TextFeatures(text.sentence[rows], text.words[rows], text.mask[rows])
            maps[wanted] = self._windowed(patches[wanted], chosen, _runs(rows, wanted))
        return rearrange(maps, 'F (h w) -> F h w', h=self.backbone.grid[0])

    def _windowed(self, patches: Tensor, text: TextFeatures, runs: list[int]) -> Tensor:
        """Return the maps of N frames, (N, P), of which ``runs`` belong together."""
        if self.heat_window == 1:
            return self.heatmaps(patches[:, None], text)[:, 0]
        maps, start = [], 0
        for length in runs:
            for size in _cut(length, self.heat_window):
                window = slice(start, start + size)
                first = slice(start, start + 1)
                query = TextFeatures(text.sentence[first], text.words[first], text.mask[first])
                maps.append(self.heatmaps(patches[None, window], query)[0])
                start += size
        return torch.cat(maps)


def _runs(labels: Tensor, wanted: Tensor) -> list[int]:
    """Return the lengths of the runs of consecutive wanted frames with one label."""
    frames = wanted.nonzero().flatten()
    breaks = (frames.diff() > 1) | (labels.diff() != 0)
    edges = [0, *(breaks.nonzero().flatten() + 1).tolist(), len(labels)]
    return [end - begin for begin, end in pairwise(edges)]


def _cut(length: int, size: int) -> list[int]:
    """Return the sizes of the windows of a run, the last one shorter."""
    return [min(size, length - begin) for begin in range(0, length, size)]
