"""The truth about a script, in the formats of HowTo100M and GroundingYouTube."""

import math
from functools import cache

import numpy as np

from stgr.datasets.tiny_kitchen.scene import MARGIN, Shot, Thing, camera_offset, place_action
from stgr.datasets.tiny_kitchen.sprites import SIZE, sprite
from stgr.datasets.tiny_kitchen.timeline import Said, Script, Segment


def caption_rows(said: tuple[Said, ...]) -> dict[str, list]:
    """Return sentences as HowTo100M stores them: three lists of equal length."""
    return {
        'start': [row.start_sec for row in said],
        'end': [row.end_sec for row in said],
        'text': [row.text for row in said],
    }


def step_rows(script: Script) -> list[dict]:
    """Return the steps as in ``seg.json``: first and last whole second, both inside the step."""
    rows: list[dict] = []
    for segment in script.segments:
        seconds = whole_seconds(script, segment)
        if segment.step is not None and seconds:
            name = segment.step.name.replace(' ', '_')
            bounds = [seconds[0], seconds[-1]]
            rows.append({'segment': bounds, 'id': len(rows), 'sentence': name})
    return rows


def box_rows(script: Script, segment: Segment, shot: Shot) -> list[dict]:
    """Return the boxes of one segment as in ``box_anno.json``: one per whole second."""
    if segment.step is None:
        return []
    rows = []
    for second in whole_seconds(script, segment):
        box = tight_box(shot, shown_time(script, second))
        rows.append({'second': second, 'box': box, 'step_name': segment.step.name})
    return rows


def tight_box(shot: Shot, time_sec: float) -> tuple[int, int, int, int]:
    """Return the box around what is seen of tool and object at a time, ``x1, y1, x2, y2``.

    Whole pixels inside the frame, half-open. ``action_box`` is wider: it holds the corners of the
    turned sprites, where nothing is drawn, and what lies beyond the frame.
    """
    assert shot.action is not None, 'a background shot has no box'
    drawn = np.concatenate([_drawn_points(thing) for thing in place_action(shot.action, time_sec)])
    frame, unit = np.array([shot.width, shot.height]), shot.short_px
    camera = (MARGIN + np.array(camera_offset(shot, time_sec))) * unit
    points = (drawn + MARGIN) * unit - np.round(camera)  # the picture moves by whole pixels
    points = points[((points >= 0) & (points <= frame)).all(axis=1)]
    low = np.minimum(np.floor(points.min(axis=0)), frame - 1)
    high = np.maximum(np.ceil(points.max(axis=0)), low + 1)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _drawn_points(thing: Thing) -> np.ndarray:
    """Return the pixel corners of a thing's sprite, turned with it, (N, 2), short sides."""
    cos, sin = np.cos(thing.angle), np.sin(thing.angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    return thing.size * _pixel_corners(thing.name) @ turn + [thing.x, thing.y]


@cache
def _pixel_corners(name: str) -> np.ndarray:
    """Return the corners of a sprite's drawn pixels, (N, 2) in sides from its middle."""
    ys, xs = np.nonzero(sprite(name).alpha > 0.5)
    corners = [np.stack([xs + dx, ys + dy], axis=1) for dx in (0, 1) for dy in (0, 1)]
    return np.unique(np.concatenate(corners), axis=0) / SIZE - 0.5


def shown_time(script: Script, time_sec: float) -> float:
    """Return the time of the frame that is on the screen at ``time_sec``."""
    return math.floor(time_sec * script.rate) / float(script.rate)


def whole_seconds(script: Script, segment: Segment) -> list[int]:
    """Return the seconds at which the frame on the screen belongs to a segment."""
    last = math.ceil(script.n_frames / script.rate) - 1
    seconds = range(math.floor(segment.start_sec), min(math.ceil(segment.end_sec), last) + 1)
    return [s for s in seconds if segment_at(script, shown_time(script, s)) is segment]


def segment_at(script: Script, time_sec: float) -> Segment:
    """Return the segment a frame of this time belongs to."""
    ends = np.array([segment.end_sec for segment in script.segments])
    index = int(np.searchsorted(ends, time_sec, side='right'))
    return script.segments[min(index, len(ends) - 1)]
