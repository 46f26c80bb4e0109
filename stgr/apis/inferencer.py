"""Ground queries in videos: encode a video once, then answer any number of queries."""

import tempfile
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stgr.apis.answer_heatmaps import answer_heatmaps
from stgr.apis.answer_judge import AnswerJudge
from stgr.apis.encoded_video import EncodedVideo
from stgr.apis.feature_extraction import Progress, encode_video, feature_provenance
from stgr.calibration import Calibration
from stgr.localizers import (
    HeatMapSpatialLocalizer,
    TemporalAnswer,
    ThresholdTemporalLocalizer,
    build_tubes,
)
from stgr.structures import (
    GroundingResult,
    HeatMaps,
    ModelFacts,
    QueryResult,
    Span,
    Tube,
    VideoFacts,
)

if TYPE_CHECKING:
    from stgr.io.feature_files import FeatureFile
    from stgr.io.stored_features import StoredFeatures
    from stgr.models.grounders.base_grounder import BaseGrounder
    from stgr.structures.features import TextFeatures

FRAMES_PER_CHUNK = 256  # of stored features looked at together
MAX_QUERY_CHARACTERS = 300
MAX_RATE_FPS = 1000  # beyond all videos; more would fill the memory with times


class GroundingInferencer:
    """When and where queries happen in a video, or that they do not.

    Args:
        model: A trained grounder.
        facts: Who the model is, for the result.
        rate_fps: Evaluated frames per second, at most 1000.
        spatial: Heat maps to boxes; None for the default.
        min_duration_sec, max_gap_sec: See ``ThresholdTemporalLocalizer``; None: as the model's
            config says.
        threshold: Similarity from which a frame counts; None for the model's calibrated ones.
        reader: Registered name of the video reader.
        calibration: See ``AnswerJudge``.
        min_score: Likewise.

    Raises:
        ValueError: If a number is out of range, or ``min_score`` is given without a calibration
            that holds.
    """

    def __init__(
        self,
        model: 'BaseGrounder',
        facts: ModelFacts,
        *,
        rate_fps: float = 2.0,
        spatial: HeatMapSpatialLocalizer | None = None,
        min_duration_sec: float | None = None,
        max_gap_sec: float | None = None,
        threshold: float | None = None,
        reader: str = 'pyav',
        calibration: Calibration | None = None,
        min_score: float | None = None,
    ) -> None:
        check_rate(rate_fps)
        self.model = model.eval()
        self.facts = facts
        self.rate_fps = rate_fps
        self.spatial = spatial or HeatMapSpatialLocalizer()
        self.min_duration_sec = min_duration_sec
        self.max_gap_sec = max_gap_sec
        self.threshold = threshold
        self.reader = reader
        self._localizer(threshold or 0.0)  # refuses bad numbers now, not after an hour of encoding
        self.judge = AnswerJudge(
            calibration, min_score=min_score, rate_fps=rate_fps, model_name=facts.name
        )
        self._provenance: dict[str, dict[str, object]] = {}

    def encode(
        self,
        video: str | Path,
        *,
        span_sec: tuple[float, float] | None = None,
        progress: Progress | None = None,
    ) -> EncodedVideo:
        """Decode and encode a video once; close the result when done with it.

        Damage at the end that shows only while decoding does not shorten the video: the last
        readable frame stands in for what was sampled there.

        Args:
            video: The file.
            span_sec: Only the evaluated frames in ``[start, end)``; None: the whole video.
            progress: Wraps the iterator of encoded chunks, given with their number.

        Raises:
            VideoError: If the video cannot be read.
            OSError: If the temporary folder, which takes the features, is full.
        """
        from stgr.io import open_video

        folder = tempfile.TemporaryDirectory(prefix='stgr-')
        try:
            with open_video(video, reader=self.reader) as reader:
                path = Path(folder.name) / 'video.safetensors'
                planned = reader.facts()
                features = encode_video(
                    self.model,
                    reader,
                    path,
                    rate_fps=self.rate_fps,
                    span_sec=span_sec,
                    provenance=self._where_from(planned.reader),
                    progress=progress,
                )
                facts = _as_long_as_planned(reader.facts(), planned.duration_sec)
                return EncodedVideo(facts, features, folder)
        except BaseException:
            folder.cleanup()
            raise

    def _where_from(self, reader: str) -> dict[str, object]:
        """Return the provenance of features; the weights are looked through for the first video."""
        if reader not in self._provenance:
            self._provenance[reader] = feature_provenance(
                self.model, rate_fps=self.rate_fps, reader=reader
            )
        return self._provenance[reader]

    def ground(
        self, video: EncodedVideo, queries: Sequence[str], *, exclusive: bool
    ) -> GroundingResult:
        """Answer queries on an encoded video.

        Args:
            video: What ``encode`` returned.
            queries: Free texts, at least one.
            exclusive: True if the queries are a pool of actions of which each frame shows at most
                one; False to judge each alone against background.

        Raises:
            ValueError: If there is no query, or one is empty, over-long or given twice.
        """
        import torch

        queries, text = self.understand(queries)
        times_sec = video.features.times_sec
        similarity = self.similarity(video.features, text)  # (Q, F)
        with torch.no_grad():
            probabilities = self.judge.probabilities(self.model, similarity, text)
        settings = self.settings(exclusive=exclusive)
        scores, answers = self.localize(
            similarity, times_sec, video.facts.duration_sec, exclusive=exclusive
        )
        answers = self.judge(answers, probabilities, settings)
        frames = [np.flatnonzero(answer.active) for answer in answers]
        maps = answer_heatmaps(self.model, video.features, text, frames)
        results = tuple(
            self._query_result(video, *parts)
            for parts in zip(queries, scores, probabilities, answers, frames, maps, strict=True)
        )
        return GroundingResult(video.facts, self.facts, times_sec, results, settings)

    def scores(
        self, features: 'FeatureFile | StoredFeatures', queries: Sequence[str]
    ) -> np.ndarray:
        """Return the similarity of each query and stored frame, (Q, F) float32.

        Raises:
            ValueError: See ``check``.
        """
        import torch

        _, text = self.understand(queries)
        with torch.no_grad():
            return self.similarity(features, text)

    def localize(
        self, similarity: np.ndarray, times_sec: np.ndarray, duration_sec: float, *, exclusive: bool
    ) -> tuple[np.ndarray, tuple[TemporalAnswer, ...]]:
        """Return the scores of each query and frame, (Q, F), and when each query happens by them.

        Args:
            similarity: Of each query and frame, (Q, F), see ``scores``.
            times_sec: Presentation times of the frames, (F,), ascending.
            duration_sec: End of the video.
            exclusive: See ``ground``.
        """
        import torch

        with torch.no_grad():
            scores: np.ndarray = self.model.scores_over_time(
                torch.from_numpy(similarity), times_sec, exclusive=exclusive
            ).numpy()
        localizer = self._localizer(float(self.settings(exclusive=exclusive)['threshold'] or 0.0))
        return scores, localizer(scores, times_sec, duration_sec, exclusive=exclusive)

    def with_threshold(self, threshold: float) -> 'GroundingInferencer':
        """Return an inferencer that differs in its threshold only and shares the model.

        Raises:
            ValueError: If the threshold is no finite number.
        """
        self._localizer(threshold)
        other = copy(self)
        other.threshold = threshold
        return other

    def spans_of(self, result: GroundingResult) -> list[tuple[Span, ...]]:
        """Return the spans of an answer's queries at this threshold, from its frame scores.

        Neither video nor model is needed, so this takes milliseconds.

        Args:
            result: An answer of this model; its mode and durations decide.
        """
        exclusive = result.settings['mode'] == 'actions'
        settings = self.settings(exclusive=exclusive)
        scores = np.stack([query.frame_scores for query in result.queries])
        answers = self._localizer(float(settings['threshold'] or 0.0))(
            scores, result.times_sec, result.video.duration_sec, exclusive=exclusive
        )
        probabilities = [query.probability for query in result.queries]
        return [answer.spans for answer in self.judge(answers, probabilities, settings)]

    def _localizer(self, threshold: float) -> ThresholdTemporalLocalizer:
        localizer: ThresholdTemporalLocalizer = self.model.temporal_localizer(
            threshold, min_duration_sec=self.min_duration_sec, max_gap_sec=self.max_gap_sec
        )
        return localizer

    def check(self, queries: Sequence[str]) -> list[str]:
        """Return queries without surrounding blanks.

        Raises:
            ValueError: See ``check_queries``; or if the model cannot read one to its end, or knows
                no word of one.
        """
        return self.understand(queries)[0]

    def understand(self, queries: Sequence[str]) -> 'tuple[list[str], TextFeatures]':
        """Return what ``check`` does, and the features of the queries."""
        import torch

        queries = check_queries(queries)
        for query, cut in zip(queries, self.model.backbone.tokens_cut(queries), strict=True):
            if cut:
                raise ValueError(
                    f'the query {query[:40]!r}... is {cut} tokens longer than the model reads; '
                    'name one action in a few words'
                )
        with torch.no_grad():
            text = self.model.encode_text(queries)
        for query, known in zip(queries, text.mask.any(dim=1).tolist(), strict=True):
            if not known:
                raise ValueError(
                    f'the model knows no word of the query {query!r}; say it in other words'
                )
        return queries, text

    def settings(self, *, exclusive: bool) -> dict[str, float | int | str | bool | None]:
        """Return what decides an answer besides video, model and queries."""
        learned = self.model.pool_threshold if exclusive else self.model.query_threshold
        threshold = float(learned) if self.threshold is None else self.threshold
        localizer = self._localizer(threshold)
        return {
            'mode': 'actions' if exclusive else 'queries',
            'threshold': threshold,
            'rate_fps': self.rate_fps,
            'min_duration_sec': localizer.min_duration_sec,
            'max_gap_sec': localizer.max_gap_sec,
            'relative_threshold': self.spatial.relative_threshold,
            'reader': self.reader,
            **self.judge.settings(),
        }

    def similarity(
        self, features: 'FeatureFile | StoredFeatures', text: 'TextFeatures'
    ) -> np.ndarray:
        """Cosine of each query and frame, (Q, F) float32, frames read chunk by chunk."""
        import torch

        from stgr.structures.features import VideoFeatures

        device, parts = self.model.device, []
        for start in range(0, len(features), FRAMES_PER_CHUNK):
            block = features.read(
                slice(start, start + FRAMES_PER_CHUNK), patches=self.model.similarity_needs_patches
            )
            frames = block.frames.to(device).float()
            patches = None if block.patches is None else block.patches.to(device).float()[None]
            mask = torch.ones(1, len(frames), dtype=torch.bool, device=device)
            video = VideoFeatures(frames[None], patches, mask, features.grid)
            with torch.no_grad():
                parts.append(self.model.similarity(video, text).cpu().numpy())
        return np.concatenate(parts, axis=1)

    def _query_result(
        self,
        video: EncodedVideo,
        query: str,
        scores: np.ndarray,
        probability: float | None,
        answer: TemporalAnswer,
        frames: np.ndarray,
        maps: np.ndarray,
    ) -> QueryResult:
        score = float(scores.max()) if len(scores) else 0.0
        if not answer.spans:
            return QueryResult(query, False, score, scores, probability=probability)
        times_sec = video.features.times_sec[frames]
        places = self.spatial(maps, width_px=video.facts.width, height_px=video.facts.height)
        tubes: tuple[Tube, ...] = build_tubes(
            answer.spans, times_sec, places.boxes_px, places.points_px, places.visible
        )
        heat = HeatMaps(times_sec, maps, 'sum' if self.model.heat_window == 1 else 'none')
        return QueryResult(
            query, True, score, scores, answer.spans, tubes, heat, probability=probability
        )


def _as_long_as_planned(facts: VideoFacts, planned_sec: float) -> VideoFacts:
    """Return facts of a video as long as it was sampled; if less is readable, they warn of it."""
    if facts.duration_sec >= planned_sec:
        return facts
    warning = (
        f'damaged after {facts.duration_sec:.1f} s: the last readable frame stands in for the '
        f'rest, until {planned_sec:.1f} s'
    )
    return replace(facts, duration_sec=planned_sec, warnings=facts.warnings or (warning,))


def check_rate(rate_fps: float) -> None:
    """Raise a ``ValueError`` unless so many frames per second can be evaluated."""
    if not 0 < rate_fps <= MAX_RATE_FPS:
        raise ValueError(
            f'rate_fps must be a number > 0 and at most {MAX_RATE_FPS}, but got {rate_fps}'
        )


def check_queries(queries: Sequence[str]) -> list[str]:
    """Return queries without surrounding blanks.

    Raises:
        ValueError: If there is none, or one is empty, no text, over-long or given twice.
        TypeError: If it is one text, whose letters would be looked for, or one is no text.
    """
    if isinstance(queries, str) or not all(isinstance(query, str) for query in queries):
        raise TypeError(f'expected a list of texts to look for, but got {queries!r:.80}')
    cleaned = [query.strip() for query in queries]
    if not cleaned:
        raise ValueError('expected at least one query or action, but got none')
    for i, query in enumerate(cleaned):
        if not query:
            raise ValueError(f'query {i + 1} of {len(cleaned)} is empty; say what to look for')
        if not _is_text(query):
            raise ValueError(f'query {i + 1} of {len(cleaned)} is no text in UTF-8: {query[:40]!r}')
        if len(query) > MAX_QUERY_CHARACTERS:
            raise ValueError(
                f'query {i + 1} has {len(query)} characters, more than {MAX_QUERY_CHARACTERS}; '
                'name one action in a few words'
            )
    twice = sorted({query for query in cleaned if cleaned.count(query) > 1})
    if twice:
        raise ValueError(f'queries given more than once: {", ".join(twice)}')
    return cleaned


def _is_text(query: str) -> bool:
    """Return False for half characters, which bytes that are no UTF-8 become on a command line."""
    try:
        query.encode()
    except UnicodeEncodeError:
        return False
    return True
