"""Seconds of GroundingYouTube that are inside a step but that no majority boxed."""

from collections.abc import Collection

import numpy as np

from stgr.datasets.grounding_youtube_files import Segment


def counted_seconds(seconds: int, boxed: Collection[int], steps: list[Segment]) -> np.ndarray:
    """Return which seconds count when those of a step without a box are ignored.

    Args:
        seconds: T, the number of seconds of the video.
        boxed: Seconds that have a box; they always count.
        steps: Steps, first and last second inside; empty: everything counts.

    Returns:
        True where a second counts, (T,) bool: outside all steps, or boxed.
    """
    counts = np.ones(seconds, dtype=bool)
    for step in steps:
        counts[step.first_sec : step.last_sec + 1] = False
    counts[list(boxed)] = True
    return counts
