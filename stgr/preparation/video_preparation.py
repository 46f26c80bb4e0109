"""Prepare one video: what its file is, what is said in it, and pictures to look it over."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stgr.io.captions import Caption
from stgr.io.errors import VideoError
from stgr.io.video_opening import open_video
from stgr.preparation.cue_cleaning import CaptionLimits, clean_cues
from stgr.preparation.cues import Subtitles
from stgr.preparation.language import guess_language

if TYPE_CHECKING:
    from stgr.io.video_reader import VideoReader

PICTURES = 6
PICTURE_WIDTH_PX = 200
JPEG_QUALITY = 70
OTHER_LANGUAGE = 'another language'
NO_CAPTION = 'no usable caption'


@dataclass(frozen=True)
class PreparedVideo:
    """What is known of one video.

    Args:
        duration_sec: Its length.
        frame_size: Width and height in pixels, as displayed.
        captions: What is said, cleaned; empty if ``left_out``.
        picture_sec: Middle of each caption that a picture was taken for.
        counts: What happened to cues, by what.
        cues: How many cues were read.
        language: Guessed from the captions; None: cannot be told.
        notes: What a person should know.
        left_out: Why nothing is learned from it; None: it is used.
    """

    duration_sec: float
    frame_size: tuple[int, int]
    captions: tuple[Caption, ...]
    picture_sec: tuple[float, ...]
    counts: Counter[str] = field(default_factory=Counter)
    cues: int = 0
    language: str | None = None
    notes: tuple[str, ...] = ()
    left_out: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as dicts and lists."""
        rows = [[caption.start_sec, caption.end_sec, caption.text] for caption in self.captions]
        return vars(self) | {'captions': rows}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> 'PreparedVideo':
        """Return what ``as_json`` made a document of."""
        return cls(
            **document
            | {
                'frame_size': tuple(document['frame_size']),
                'captions': tuple(Caption(*row) for row in document['captions']),
                'picture_sec': tuple(document['picture_sec']),
                'counts': Counter(document['counts']),
                'notes': tuple(document['notes']),
            }
        )


def prepare_video(
    video: Path, found: Subtitles, *, limits: CaptionLimits, language: str | None
) -> tuple[PreparedVideo, bytes]:
    """Make captions of what was read of a video, and take its pictures.

    Args:
        video: The video.
        found: Its subtitles.
        limits: See ``CaptionLimits``.
        language: A video whose captions are clearly in another one is left out; None: none is.

    Returns:
        What is known, and ``PICTURES`` pictures side by side as a JPEG, fewer of a video with fewer
        captions; empty without captions.

    Raises:
        VideoError: If the video cannot be read.
    """
    with open_video(video) as reader:
        facts = reader.facts()
        captions, counts = clean_cues(found.cues, facts.duration_sec, limits)
        counts.update(found.skipped)
        guess = guess_language(' '.join(caption.text for caption in captions))
        left_out = NO_CAPTION if not captions else None
        if language is not None and guess.code not in (None, language):
            left_out = f'{OTHER_LANGUAGE} ({guess.code})'
        shown = captions[:: -(-len(captions) // PICTURES)] if captions else []
        times_sec = tuple((caption.start_sec + caption.end_sec) / 2 for caption in shown)
        pictures = _pictures(reader, times_sec, (facts.width, facts.height)) if shown else b''
    prepared = PreparedVideo(
        facts.duration_sec,
        (facts.width, facts.height),
        tuple(captions),
        times_sec,
        counts,
        len(found.cues) + sum(found.skipped.values()),
        guess.code,
        (*found.notes, *facts.warnings),
        left_out,
    )
    return prepared, pictures


def _pictures(reader: 'VideoReader', times_sec: tuple[float, ...], size: tuple[int, int]) -> bytes:
    """Return the frames at some times side by side as a JPEG.

    Raises:
        VideoError: If a frame cannot be read.
    """
    import cv2

    height_px = min(2 * PICTURE_WIDTH_PX, max(1, round(PICTURE_WIDTH_PX * size[1] / size[0])))
    frames = reader.read_at(np.asarray(times_sec), size=(PICTURE_WIDTH_PX, height_px))
    strip = cv2.cvtColor(np.concatenate(list(frames), axis=1), cv2.COLOR_RGB2BGR)
    done, encoded = cv2.imencode('.jpg', strip, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise VideoError(f'{reader.path}: its pictures could not be encoded')
    return encoded.tobytes()
