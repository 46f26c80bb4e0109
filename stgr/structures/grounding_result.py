"""What the library answers about one video: the record behind ``result.json`` and all pictures."""

from dataclasses import dataclass, field

import numpy as np

from stgr.structures.heatmaps import HeatMaps
from stgr.structures.spans import Span, check_probability
from stgr.structures.tubes import Tube


@dataclass(frozen=True)
class VideoFacts:
    """What is known about a video file after it has been read.

    Args:
        path: The file as the caller named it.
        width: Displayed width in pixels (after rotation).
        height: Displayed height in pixels.
        duration_sec: Presentation time just after the last readable frame, counted from 0.
        fps: Average frame rate; the frames may be spaced unevenly.
        has_audio: Whether there is a sound track.
        reader: Registered name of the reader that decoded it.
        warnings: What went wrong without stopping us, one sentence each (damage, for example).
    """

    path: str
    width: int
    height: int
    duration_sec: float
    fps: float
    has_audio: bool
    reader: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelFacts:
    """Which model answered.

    Args:
        name: Model name or config path.
        weights_sha256: Checksum of the weights file, None for random weights.
        notice: What a reader must know before trusting the answer, None if nothing.
        config_sha256: Checksum of the model's part of the config, None if there was none.
    """

    name: str
    weights_sha256: str | None
    notice: str | None = None
    config_sha256: str | None = None


@dataclass(frozen=True)
class QueryResult:
    """The answer to one query.

    Args:
        query: The text as asked.
        found: Whether any frame was given to this query.
        score: Highest per-frame similarity over the video.
        frame_scores: Similarity of each evaluated frame, (F,) float32.
        spans: When it happens, in order of time; empty if not found.
        tubes: Where it happens, one per span.
        heatmaps: Maps of the frames inside the spans; None if not found.
        probability: How probable it is that the query happens in the video, in [0, 1]; None if the
            model is not calibrated.

    Raises:
        ValueError: If ``found`` and ``spans`` disagree, a span has no tube, or the probability is
            none.
    """

    query: str
    found: bool
    score: float
    frame_scores: np.ndarray
    spans: tuple[Span, ...] = ()
    tubes: tuple[Tube, ...] = ()
    heatmaps: HeatMaps | None = None
    probability: float | None = None

    def __post_init__(self) -> None:
        if self.found != bool(self.spans):
            raise ValueError(f'found={self.found} but {len(self.spans)} spans')
        if len(self.tubes) != len(self.spans):
            raise ValueError(f'{len(self.spans)} spans need as many tubes, got {len(self.tubes)}')
        check_probability(self.probability, 'a query')


@dataclass(frozen=True)
class GroundingResult:
    """Everything found in one video.

    Args:
        video: Facts of the file.
        model: Facts of the model.
        times_sec: Presentation times of the evaluated frames, (F,) float64.
        queries: One answer per query, in the order asked.
        settings: Thresholds and rates that were used, JSON values only.

    Raises:
        ValueError: If a query's scores do not cover the frames.
    """

    video: VideoFacts
    model: ModelFacts
    times_sec: np.ndarray
    queries: tuple[QueryResult, ...]
    settings: dict[str, float | int | str | bool | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for query in self.queries:
            if query.frame_scores.shape != self.times_sec.shape:
                raise ValueError(
                    f'query {query.query!r} has scores {query.frame_scores.shape} for '
                    f'{self.times_sec.shape} frames'
                )

    def why_not(self, query: QueryResult) -> str:
        """Return in words why one of the queries was not found; '' if it was, or it is not known.

        A frame may reach the threshold and yet make no span.
        """
        threshold, shortest_sec = (
            self.settings.get('threshold'),
            self.settings.get('min_duration_sec'),
        )
        if query.found or threshold is None:
            return ''
        if query.score < float(threshold):
            return f'below the threshold of {threshold:.2f}'
        least = self.settings.get('min_score')
        if least is not None and query.probability is not None and query.probability < float(least):
            return f'less probable than {least:g}'
        reasons = []
        if self.settings.get('mode') == 'actions':
            reasons.append('where others of the pool are higher')
        if shortest_sec:
            reasons.append(f'for less than {shortest_sec:g} s on end')
        above = f'above the threshold of {threshold:.2f} only '
        return above + ' or '.join(reasons) if reasons else ''
