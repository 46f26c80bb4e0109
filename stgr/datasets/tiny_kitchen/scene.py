"""One shot of the world: a textured table, things lying on it, and what moves.

Lengths are in units of the frame's short side, positions too, counted from the top left corner.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np

from stgr.datasets.tiny_kitchen.sprites import SIZE, sprite

MARGIN = 0.12  # how far the camera can move away from the middle of the shot


@dataclass
class Thing:
    """A noun or tool with its look and place.

    Args:
        name: Sprite name.
        colours: Main and accent colour, (2, 3) float32 RGB in [0, 255].
        x, y: Centre at rest.
        size: Side of the sprite.
        angle: Rotation in radians.
        jiggle: How far it moves around its place, 0 for a thing that lies still.
    """

    name: str
    colours: np.ndarray
    x: float = 0.0
    y: float = 0.0
    size: float = 0.28
    angle: float = 0.0
    jiggle: float = 0.0

    def corners(self) -> np.ndarray:
        """Corners of the thing's tight box, turned with it, (4, 2)."""
        x1, y1, x2, y2 = sprite(self.name).extent
        corners = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]]) * self.size
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return corners @ np.array([[cos, sin], [-sin, cos]]) + [self.x, self.y]


@dataclass
class Action:
    """A tool doing something to an object."""

    target: Thing
    tool: Thing
    motion: str
    amplitude: float
    frequency_hz: float
    phase: float


@dataclass
class Shot:
    """Everything between two cuts.

    Args:
        width, height: Frame size in pixels.
        background: Table with all things that lie still, (H + 2m, W + 2m, 3) uint8, m the margin.
        moving: Things that jiggle.
        action: What is done, None in background shots.
        drift: Camera path: amplitude, frequency in Hz and phase of x and y, (2, 3).
        head: Thing-like place of a talking head, None if nobody talks.
    """

    width: int
    height: int
    background: np.ndarray
    moving: list[Thing] = field(default_factory=list)
    action: Action | None = None
    drift: np.ndarray = field(default_factory=lambda: np.zeros((2, 3)))
    head: tuple[float, float, float] | None = None

    @property
    def short_px(self) -> int:
        """Pixels of one unit of length."""
        return min(self.width, self.height)


def paint(image: np.ndarray, thing: Thing, unit_px: float, offset_px: tuple[float, float]) -> None:
    """Draw a thing into an RGB uint8 image, in place.

    Args:
        image: Picture to draw into, (H, W, 3) uint8.
        thing: What and where.
        unit_px: Pixels of one unit of length.
        offset_px: Pixel of the point (0, 0).
    """
    shape = sprite(thing.name)
    side = thing.size * unit_px
    scale = side / SIZE
    cx, cy = thing.x * unit_px + offset_px[0], thing.y * unit_px + offset_px[1]
    reach = int(np.ceil(side * 0.75)) + 1
    x1, y1 = max(0, int(cx) - reach), max(0, int(cy) - reach)
    x2, y2 = min(image.shape[1], int(cx) + reach), min(image.shape[0], int(cy) + reach)
    if x2 <= x1 or y2 <= y1:
        return
    cos, sin = np.cos(thing.angle) * scale, np.sin(thing.angle) * scale
    half = SIZE / 2
    matrix = np.array(
        [
            [cos, -sin, cx - x1 - cos * half + sin * half],
            [sin, cos, cy - y1 - sin * half - cos * half],
        ]
    )
    size = (x2 - x1, y2 - y1)
    alpha = cv2.warpAffine(shape.alpha, matrix, size, flags=cv2.INTER_LINEAR)[..., None]
    accent = cv2.warpAffine(shape.accent, matrix, size, flags=cv2.INTER_LINEAR)[..., None]
    region = image[y1:y2, x1:x2]
    colour = thing.colours[0] * (1 - accent) + thing.colours[1] * accent
    region[:] = region + alpha * (colour - region)


def paint_head(
    image: np.ndarray, place: tuple[float, float, float], time_sec: float, unit_px: float
) -> None:
    """Draw a head that talks: an oval with eyes and a mouth that opens and closes, in place."""
    x, y, radius = (value * unit_px for value in place)
    x += 0.02 * unit_px * np.sin(2.1 * time_sec)
    skin, dark = (200, 160, 130), (60, 40, 40)
    centre = (round(x), round(y))
    cv2.ellipse(image, centre, (round(radius * 0.8), round(radius)), 0, 0, 360, skin, -1)
    for side in (-1, 1):
        eye = (round(x + side * radius * 0.3), round(y - radius * 0.25))
        cv2.circle(image, eye, max(1, round(radius * 0.1)), dark, -1)
    opening = radius * (0.06 + 0.12 * abs(np.sin(7 * time_sec)))
    mouth = (round(x), round(y + radius * 0.45))
    cv2.ellipse(image, mouth, (round(radius * 0.3), round(opening)), 0, 0, 360, dark, -1)


def camera_offset(shot: Shot, time_sec: float) -> tuple[float, float]:
    """Return how far the camera has moved at a time, in units of length, within the margin."""
    amplitude, frequency, phase = shot.drift.T
    x, y = amplitude * np.sin(2 * np.pi * frequency * time_sec + phase)
    return float(x), float(y)


def tool_displacement(action: Action, time_sec: float) -> tuple[float, float, float]:
    """Return the motion of the tool at a time: x, y in units of length, and turn in radians."""
    angle = 2 * np.pi * action.frequency_hz * time_sec + action.phase
    swing = action.amplitude * np.sin(angle)
    if action.motion == 'vertical':
        return 0.0, swing, 0.0
    if action.motion == 'horizontal':
        return swing, 0.0, 0.0
    if action.motion == 'circle':
        return swing, action.amplitude * np.cos(angle), 0.0
    return 0.0, 0.0, 4 * swing  # rock


def place_action(action: Action, time_sec: float) -> tuple[Thing, Thing]:
    """Return object and tool where they are at a time; the object follows a third of the way."""
    dx, dy, turn = tool_displacement(action, time_sec)
    target, tool = action.target, action.tool
    return (
        Thing(
            target.name,
            target.colours,
            target.x + dx / 3,
            target.y + dy / 3,
            target.size,
            target.angle,
        ),
        Thing(tool.name, tool.colours, tool.x + dx, tool.y + dy, tool.size, tool.angle + turn),
    )


def render(shot: Shot, time_sec: float) -> np.ndarray:
    """Return the picture of a shot at a time, (H, W, 3) uint8 RGB."""
    unit = shot.short_px
    margin = MARGIN * unit
    ox, oy = (value * unit for value in camera_offset(shot, time_sec))
    left, top = round(margin + ox), round(margin + oy)
    image = shot.background[top : top + shot.height, left : left + shot.width].copy()
    offset = (margin - left, margin - top)
    if shot.head is not None:
        paint_head(image, shot.head, time_sec, unit)
    for thing in shot.moving:
        swing = thing.jiggle * np.sin(5 * time_sec + thing.angle)
        moved = Thing(thing.name, thing.colours, thing.x + swing, thing.y, thing.size, thing.angle)
        paint(image, moved, unit, offset)
    if shot.action is not None:
        for thing in place_action(shot.action, time_sec):
            paint(image, thing, unit, offset)
    return image


def action_box(shot: Shot, time_sec: float) -> tuple[int, int, int, int] | None:
    """Return the box around tool and object at a time, in whole pixels inside the frame.

    Returns:
        ``x1, y1, x2, y2`` or None where nothing is done.
    """
    if shot.action is None:
        return None
    corners = np.concatenate([thing.corners() for thing in place_action(shot.action, time_sec)])
    corners = (corners - camera_offset(shot, time_sec)) * shot.short_px
    low = np.clip(np.floor(corners.min(axis=0)), 0, [shot.width - 1, shot.height - 1])
    high = np.clip(np.ceil(corners.max(axis=0)), low + 1, [shot.width, shot.height])
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])
