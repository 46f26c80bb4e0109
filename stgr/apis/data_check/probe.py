"""What one video file is, beside what its annotations take it for."""

from dataclasses import dataclass
from pathlib import Path

from stgr.io import VideoError, open_video
from stgr.structures import VideoFacts

# Sides are rounded to whole, often even, pixels: 854 x 480 of 1920 x 1080 differs by 0.1 %.
ASPECT_TOLERANCE = 0.02


@dataclass(frozen=True)
class ProbedVideo:
    """A video that was opened.

    Args:
        facts: What it is; None if it cannot be read.
        fault: Why it cannot be read, or what is damaged; None if it is sound.
        scaling: See ``compare_frames``; None without boxes, or if it cannot be read.
    """

    facts: VideoFacts | None
    fault: str | None
    scaling: str | None


def probe_video(path: str | Path, frame_size: tuple[int, int] | None) -> ProbedVideo:
    """Open a video and compare it with the frame that its boxes are measured in.

    Args:
        path: The file.
        frame_size: Width and height of that frame; None: there are no boxes.
    """
    try:
        with open_video(path) as reader:
            facts = reader.facts()
    except (VideoError, OSError) as error:
        return ProbedVideo(None, str(error), None)
    shown = (facts.width, facts.height)
    scaling = None if frame_size is None else compare_frames(frame_size, shown)
    return ProbedVideo(facts, '; '.join(facts.warnings) or None, scaling)


def compare_frames(annotated: tuple[int, int], video: tuple[int, int]) -> str:
    """Return how boxes in the annotated frame fit a video, both (W, H).

    Returns:
        ``'same size'``; ``'same shape'``: one factor for x and y fits (to ``ASPECT_TOLERANCE``);
        ``'turned'``: it would fit with width and height exchanged, so one of both is probably
        wrong; ``'stretched'``: x and y need factors of their own, as in GroundingYouTube, where
        every video was stretched to 640 x 480.
    """
    if annotated == video:
        return 'same size'
    if _same_shape(annotated, video):
        return 'same shape'
    return 'turned' if _same_shape(annotated, video[::-1]) else 'stretched'


def _same_shape(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    ratio = (one[0] * other[1]) / (one[1] * other[0])
    return max(ratio, 1 / ratio) <= 1 + ASPECT_TOLERANCE
