"""What a search answers: moments, and where in the frame."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Place:
    """Where a query is seen at the best frame of a moment.

    Args:
        time_sec: When that frame is shown.
        box_px: Its box ``x1, y1, x2, y2`` in pixels of the original frame, the right and lower
            edges exclusive; None if the heat shows none.
        point_px: Column and row of the hottest pixel.
        frame_size: Width and height of the original frame.
        thumbnail: The frame made small, with the box drawn, (h, w, 3) uint8 RGB.
    """

    time_sec: float
    box_px: Box | None
    point_px: tuple[float, float]
    frame_size: tuple[int, int]
    thumbnail: np.ndarray


@dataclass(frozen=True)
class Moment:
    """One moment of the library that looks like a query.

    Args:
        video: Path below the library's folder.
        path: The file.
        start_sec: First moment, seconds.
        end_sec: First moment after it.
        peak_sec: Time of the indexed frame that is most like the query.
        score: Cosine of that frame and the query.
        found: Whether the score reaches the threshold.
        place: Where it is seen; None if that was not asked for or could not be told.
        note: Why it could not; None if nothing went wrong.
    """

    video: str
    path: Path
    start_sec: float
    end_sec: float
    peak_sec: float
    score: float
    found: bool
    place: Place | None = None
    note: str | None = None


@dataclass(frozen=True)
class SearchAnswer:
    """What was found for one query.

    Args:
        query: The text as asked, without blanks around it.
        found: Whether any frame of the library reaches the threshold.
        threshold: Cosine from which a frame counts.
        best_score: The highest cosine of the query and a frame that was looked at.
        moments: The best first; below the threshold only if all were asked for.
    """

    query: str
    found: bool
    threshold: float
    best_score: float
    moments: tuple[Moment, ...]
