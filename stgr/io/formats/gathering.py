"""Collect what a file says about a video, span by span, in whatever order it comes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from stgr.structures.video_answers import QueryAnswer, QuerySpan, VideoAnswers

Box = tuple[float, float, float, float]


class Gathered:
    """The answers of one video while its file is being read.

    Args:
        facts: What is known of the video; its queries come first.
    """

    def __init__(self, facts: VideoAnswers) -> None:
        self.facts = facts
        self._spans: dict[str, list[QuerySpan]] = {}
        self._scores: dict[str, tuple[float | None, float | None]] = {}
        for answer in facts.queries:
            self.ask(answer.query)

    def ask(self, query: str) -> str:
        """Note that something was asked, found or not; return it on one line.

        Raises:
            ValueError: If it is empty.
        """
        query = one_line_text(query)
        if not query:
            raise ValueError('an action has no name')
        self._spans.setdefault(query, [])
        return query

    def score(self, query: str, score: float | None, probability: float | None = None) -> None:
        """Note how sure the whole answer to a query is."""
        self._scores[self.ask(query)] = score, probability

    def add(self, query: str, span: QuerySpan) -> None:
        """Add a span to a query."""
        self._spans[self.ask(query)].append(span)

    def answers(self) -> VideoAnswers:
        """Return all of it, the spans of each query in order of time."""
        queries = tuple(
            QueryAnswer(
                query,
                tuple(sorted(spans, key=lambda span: (span.start_sec, span.end_sec))),
                *self._scores.get(query, ()),
            )
            for query, spans in self._spans.items()
        )
        return replace(self.facts, queries=queries)


def one_line_text(text: str) -> str:
    """Return a text with every run of blanks and line ends as one blank."""
    return ' '.join(text.split())


def span_with_boxes(
    start_sec: float,
    end_sec: float,
    boxes: Iterable[tuple[float, Box | None]],
    score: float | None = None,
    probability: float | None = None,
) -> QuerySpan:
    """Return a span with boxes at some times; None is a time without one.

    Of two boxes at one time the first stays; times outside the span are left out.
    """
    kept: dict[float, Box | None] = {}
    for time_sec, box in boxes:
        if start_sec <= time_sec < end_sec:
            kept.setdefault(time_sec, box)
    times = sorted(kept)
    boxes = np.array([kept[time] or (0, 0, 0, 0) for time in times], np.float64).reshape(-1, 4)
    with np.errstate(over='ignore'):  # what is too large becomes infinite, and is refused
        boxes_px = boxes.astype(np.float32)
    visible = np.array([kept[time] is not None for time in times], bool)
    times_sec = np.array(times, np.float64)
    return QuerySpan(start_sec, end_sec, score, times_sec, boxes_px, visible, probability)


@contextmanager
def located(where: str) -> Iterator[None]:
    """Put the place in a file before the message of a ``ValueError`` that does not name it."""
    try:
        yield
    except ValueError as error:
        message = str(error)
        raise ValueError(message if where in message else f'{where}: {message}') from error
