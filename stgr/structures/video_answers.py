"""What a model or a person says happens in a video, without the model's inner numbers."""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from stgr.structures.grounding_result import GroundingResult
from stgr.structures.spans import check_probability


def _no_times() -> np.ndarray:
    return np.zeros(0)


def _no_boxes() -> np.ndarray:
    return np.zeros((0, 4), np.float32)


def _nothing_visible() -> np.ndarray:
    return np.zeros(0, bool)


@dataclass(frozen=True)
class QuerySpan:
    """A time at which a query happens, with boxes where they are known.

    Args:
        start_sec: First moment, in seconds, >= 0.
        end_sec: First moment after it, > ``start_sec``.
        score: How sure a model is, higher is surer; None where a person says so.
        times_sec: Times that were looked at, (N,) float64, ascending, inside the span.
        boxes_px: Boxes ``x1, y1, x2, y2`` in pixels of the video, (N, 4) float32; zeros where not
            visible.
        visible: True where there is a box, (N,) bool.
        probability: How probable it is that the span is right, in [0, 1]; None if nobody told.

    Raises:
        ValueError: If the span is empty, a number is not finite, shapes disagree, a time lies
            outside the span, a visible box is empty or the probability is none.
    """

    start_sec: float
    end_sec: float
    score: float | None = None
    times_sec: np.ndarray = field(default_factory=_no_times)
    boxes_px: np.ndarray = field(default_factory=_no_boxes)
    visible: np.ndarray = field(default_factory=_nothing_visible)
    probability: float | None = None

    def __post_init__(self) -> None:
        check_probability(self.probability, 'a span')
        if not 0 <= self.start_sec < self.end_sec < math.inf:
            raise ValueError(
                f'a span needs 0 <= start < end, but got [{self.start_sec}, {self.end_sec})'
            )
        if self.score is not None and not math.isfinite(self.score):
            raise ValueError(f'a score must be finite, but is {self.score}')
        num = len(self.times_sec)
        if self.boxes_px.shape != (num, 4) or self.visible.shape != (num,):
            raise ValueError(
                f'{num} times need boxes ({num}, 4) and visible ({num},), but got '
                f'{self.boxes_px.shape} and {self.visible.shape}'
            )
        if num and not self.start_sec <= self.times_sec[0] <= self.times_sec[-1] < self.end_sec:
            raise ValueError(
                f'boxes at {self.times_sec[0]}..{self.times_sec[-1]} s lie outside '
                f'[{self.start_sec}, {self.end_sec})'
            )
        if np.any(np.diff(self.times_sec) <= 0):
            raise ValueError('times of boxes must be ascending')
        boxes = self.boxes_px[self.visible]
        if not np.isfinite(boxes).all() or np.any(boxes[:, 2:] <= boxes[:, :2]):
            raise ValueError('a visible box needs finite x1 < x2 and y1 < y2')


@dataclass(frozen=True)
class QueryAnswer:
    """When and where a query happens in a video, or that it does not.

    Args:
        query: Its text.
        spans: When, in order of time; empty: it does not happen.
        score: How sure a model is of the whole answer; None where a person says so.
        probability: How probable it is that the query happens, in [0, 1]; None if nobody told.

    Raises:
        ValueError: If the probability is none.
    """

    query: str
    spans: tuple[QuerySpan, ...] = ()
    score: float | None = None
    probability: float | None = None

    def __post_init__(self) -> None:
        check_probability(self.probability, 'a query')

    @property
    def found(self) -> bool:
        """Whether it happens at all."""
        return bool(self.spans)


@dataclass(frozen=True)
class VideoAnswers:
    """All that was asked of one video, with the answers.

    Args:
        video: The file as the caller named it.
        queries: What was asked, each text once, in the order asked.
        width: Displayed width in pixels; None if a file that was read does not say it, likewise the
            next three.
        height: Displayed height.
        duration_sec: Length in seconds.
        fps: Average frames per second.

    Raises:
        ValueError: If a query comes twice or a number is not > 0.
    """

    video: str
    queries: tuple[QueryAnswer, ...]
    width: int | None = None
    height: int | None = None
    duration_sec: float | None = None
    fps: float | None = None

    def __post_init__(self) -> None:
        texts = [answer.query for answer in self.queries]
        twice = sorted({text for text in texts if texts.count(text) > 1})
        if twice:
            raise ValueError(f'{self.video}: queries given more than once: {", ".join(twice)}')
        for name in ('width', 'height', 'duration_sec', 'fps'):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f'{self.video}: {name} must be > 0, but is {value}')

    @property
    def video_id(self) -> str:
        """Name of the file without folders and suffix."""
        name = self.video.replace('\\', '/').rsplit('/', 1)[-1]
        return name.rsplit('.', 1)[0] if '.' in name.strip('.') else name

    @property
    def not_found(self) -> tuple[str, ...]:
        """The queries that do not happen."""
        return tuple(answer.query for answer in self.queries if not answer.found)

    def with_facts(self, other: 'VideoAnswers') -> 'VideoAnswers':
        """Return the answers with size, length and rate of ``other`` where they are unknown."""
        names = ('width', 'height', 'duration_sec', 'fps')
        known = {name: getattr(self, name) for name in names}
        known = {n: getattr(other, n) if value is None else value for n, value in known.items()}
        return replace(self, **known)


def answers_of_result(result: GroundingResult) -> VideoAnswers:
    """Return what a model answered, without heat maps and the scores of frames.

    Line ends within a query become blanks: most other tools have names of one line.
    """
    queries = tuple(
        QueryAnswer(
            ' '.join(query.query.split()),
            tuple(
                QuerySpan(
                    span.start_sec,
                    span.end_sec,
                    span.score,
                    np.asarray(tube.times_sec, np.float64),
                    np.asarray(tube.boxes_px, np.float32),
                    np.asarray(tube.visible, bool),
                    span.probability,
                )
                for span, tube in zip(query.spans, query.tubes, strict=True)
            ),
            query.score,
            query.probability,
        )
        for query in result.queries
    )
    video = result.video
    return VideoAnswers(
        video.path, queries, video.width, video.height, video.duration_sec, video.fps
    )
