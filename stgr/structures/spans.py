"""A piece of time in which something happens."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """A half-open interval ``[start_sec, end_sec)`` of a video and how sure we are of it.

    Args:
        start_sec: First moment, in seconds of the presentation clock, >= 0.
        end_sec: First moment after it, > ``start_sec``.
        score: Mean similarity of query and frames inside the span (a cosine unless a caller says
            otherwise); higher is surer.
        probability: How probable it is that the span is right, in [0, 1]; None if the model is not
            calibrated.

    Raises:
        ValueError: If a value is not finite, the span is empty or starts before 0, or the
            probability is none.
    """

    start_sec: float
    end_sec: float
    score: float
    probability: float | None = None

    def __post_init__(self) -> None:
        values = (self.start_sec, self.end_sec, self.score)
        if not all(math.isfinite(value) for value in values):
            raise ValueError(f'a span needs finite start, end and score, but got {values}')
        if not 0 <= self.start_sec < self.end_sec:
            raise ValueError(
                f'a span needs 0 <= start < end, but got [{self.start_sec}, {self.end_sec})'
            )
        check_probability(self.probability, 'a span')

    @property
    def duration_sec(self) -> float:
        """Length of the span in seconds, > 0."""
        return self.end_sec - self.start_sec


def check_probability(probability: float | None, owner: str) -> None:
    """Raise ``ValueError`` unless a probability is unknown or lies in [0, 1].

    Args:
        probability: The value, None if unknown.
        owner: Whose it is, for the message.
    """
    if probability is not None and not 0 <= probability <= 1:  # NaN fails too
        raise ValueError(f'{owner} needs a probability from 0 to 1 or none, but got {probability}')
