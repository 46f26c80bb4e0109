"""The script of a video: what happens when, and what is said meanwhile."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from stgr.datasets.tiny_kitchen.captioned_frames import FRAME_SIZES
from stgr.datasets.tiny_kitchen.layout import random_colours, random_shot
from stgr.datasets.tiny_kitchen.narration import caption_shot, narrate, small_talk
from stgr.datasets.tiny_kitchen.scene import Shot
from stgr.datasets.tiny_kitchen.vocabulary import HELD_OUT_STEPS, NOUNS, SEEN_STEPS, TOOLS, Step

FRAME_RATES = (Fraction(8), Fraction(10), Fraction(12))
SPLITS = ('train', 'val', 'test')
_BACKGROUND = ('talk', 'pan', 'table')
_MAX_SEC = 180.0
_MIN_SEC = 30.0


@dataclass(frozen=True)
class Said:
    """A sentence and when it is spoken, in seconds."""

    start_sec: float
    end_sec: float
    text: str


@dataclass(frozen=True)
class Segment:
    """A piece of a video between two cuts, ``[start_sec, end_sec)``."""

    start_sec: float
    end_sec: float
    kind: str
    step: Step | None
    seed: tuple[int, ...]

    def shot(self, size: tuple[int, int], palette: dict[str, np.ndarray]) -> tuple[Shot, list[str]]:
        """Return what it looks like; the same at every call."""
        rng = np.random.default_rng(self.seed)
        return random_shot(rng, size, step=self.step, kind=self.kind, palette=palette)


@dataclass(frozen=True)
class Script:
    """Everything that decides a video.

    Args:
        video_id: Name, unique over all splits and seeds.
        size: Frame width and height in pixels.
        rate: Frames per second.
        segments: What happens, without gaps from 0 to the end.
        narrations: What is said, as people speak.
        captions: What is seen, one true sentence per segment.
        palette: Colours of this video's things.
    """

    video_id: str
    size: tuple[int, int]
    rate: Fraction
    segments: tuple[Segment, ...]
    narrations: tuple[Said, ...]
    captions: tuple[Said, ...]
    palette: dict[str, np.ndarray]

    @property
    def n_frames(self) -> int:
        """Frames of the video."""
        return int(self.segments[-1].end_sec * self.rate)


def video_name(seed: int, split: str, index: int) -> str:
    """Return the name of a video, unique over all splits and seeds."""
    return f'tk{seed}_{split}_{index:05d}'


def write_script(seed: int, split: str, index: int) -> Script:
    """Return the script of one video of a split; the same for the same arguments.

    Training videos hold only seen steps. Validation and test videos also hold steps that are never
    seen in training, one in five.
    """
    key = (0x71D1, seed, SPLITS.index(split), index)
    rng = np.random.default_rng(key)
    size = FRAME_SIZES[rng.integers(len(FRAME_SIZES))]
    rate = FRAME_RATES[rng.integers(len(FRAME_RATES))]
    palette = {name: random_colours(rng) for name in (*NOUNS, *TOOLS)}
    segments = _plan(rng, key, held_out_share=0.0 if split == 'train' else 0.2)
    captions = tuple(
        Said(
            segment.start_sec,
            segment.end_sec,
            caption_shot(rng, segment.step, segment.kind, segment.shot(size, palette)[1]),
        )
        for segment in segments
    )
    narrations = _speak(rng, segments)
    name = video_name(seed, split, index)
    return Script(name, size, rate, segments, narrations, captions, palette)


def _plan(
    rng: np.random.Generator, key: tuple[int, ...], *, held_out_share: float
) -> tuple[Segment, ...]:
    """Alternate background and actions, 3 to 12 of them, 30 to 180 seconds in all."""
    n_actions = int(rng.integers(3, 13))
    actions = rng.uniform(4, 10, n_actions)
    pauses = rng.uniform(1.5, 8, n_actions + 1)
    pauses *= max(1.0, (_MIN_SEC - actions.sum()) / pauses.sum())
    scale = min(1.0, (_MAX_SEC - 1) / (actions.sum() + pauses.sum()))
    segments: list[Segment] = []
    start = 0.0
    for i in range(2 * n_actions + 1):
        is_action = i % 2 == 1
        end = start + scale * float((actions if is_action else pauses)[i // 2])
        end = round(end, 2)
        step = _choose_step(rng, held_out_share) if is_action else None
        kind = 'action' if is_action else _BACKGROUND[rng.integers(len(_BACKGROUND))]
        segments.append(Segment(start, end, kind, step, (*key, i)))
        start = end
    return tuple(segments)


def _choose_step(rng: np.random.Generator, held_out_share: float) -> Step:
    pool = HELD_OUT_STEPS if rng.random() < held_out_share else SEEN_STEPS
    return pool[rng.integers(len(pool))]


def _speak(rng: np.random.Generator, segments: tuple[Segment, ...]) -> tuple[Said, ...]:
    """Speak of most actions, some seconds off, and of other things in between."""
    end = segments[-1].end_sec
    said = []
    for segment in segments:
        length = float(rng.uniform(2.0, 4.5))
        if segment.step is not None and rng.random() < 0.9:
            middle = (segment.start_sec + segment.end_sec) / 2
            start = middle + float(np.clip(rng.normal(0, 2.5), -6, 6)) - length / 2
            said.append(_said(start, length, end, narrate(rng, segment.step)))
        elif segment.step is None and rng.random() < 0.35:
            start = float(rng.uniform(segment.start_sec, segment.end_sec))
            said.append(_said(start, length, end, small_talk(rng)))
    return tuple(sorted(said, key=lambda row: row.start_sec))


def _said(start: float, length: float, end: float, text: str) -> Said:
    """Keep a sentence inside the video."""
    start = min(max(start, 0.0), end - length)
    return Said(round(start, 2), round(start + length, 2), text)
