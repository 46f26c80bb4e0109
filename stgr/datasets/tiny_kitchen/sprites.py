"""Shapes of the things in the world: line drawings without colour.

Colour is drawn anew for every video, so it says nothing about what a thing is: only its outline and
its pattern do.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

SIZE = 96  # sprite side in pixels, more than any frame shows it at
_SCALE = 4  # drawn larger and averaged down: smooth edges
_SIDE = SIZE * _SCALE
_OUTLINE = round(0.07 * _SIDE)  # twice the width of the outline


@dataclass(frozen=True)
class Sprite:
    """A thing without colour.

    Args:
        alpha: Coverage, (SIZE, SIZE) float32 in [0, 1].
        accent: Share of the line colour: outline and pattern, (SIZE, SIZE) float32 in [0, 1].
        extent: Tight box of the coverage in units of the sprite's side, centred on its middle,
            ``x1, y1, x2, y2`` in [-0.5, 0.5].
    """

    alpha: np.ndarray
    accent: np.ndarray
    extent: tuple[float, float, float, float]


Canvas = np.ndarray
_DRAW: dict[str, Callable[[Canvas, Canvas], None]] = {}


def _draws(name: str) -> Callable[[Callable[[Canvas, Canvas], None]], Callable[..., None]]:
    def register(function: Callable[[Canvas, Canvas], None]) -> Callable[..., None]:
        _DRAW[name] = function
        return function

    return register


@cache
def sprite(name: str) -> Sprite:
    """Return the sprite of a noun or tool.

    Raises:
        KeyError: If nothing of this name can be drawn.
    """
    fill = np.zeros((_SIDE, _SIDE), np.uint8)
    accent = np.zeros_like(fill)
    _DRAW[name](fill, accent)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_OUTLINE, _OUTLINE))
    accent = np.maximum(np.minimum(accent, fill), fill - cv2.erode(fill, brush))
    alpha_small, accent_small = (
        cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        for image in (fill, accent)
    )
    ys, xs = np.nonzero(alpha_small > 0.5)
    extent = (
        xs.min() / SIZE - 0.5,
        ys.min() / SIZE - 0.5,
        (xs.max() + 1) / SIZE - 0.5,
        (ys.max() + 1) / SIZE - 0.5,
    )
    return Sprite(alpha_small, accent_small, tuple(float(v) for v in extent))  # type: ignore[arg-type]


def _xy(x: float, y: float) -> tuple[int, int]:
    """Pixel of a point given in [-1, 1] coordinates, y downwards."""
    return round((x + 1) / 2 * _SIDE), round((y + 1) / 2 * _SIDE)


def _ellipse(
    image: Canvas, x: float, y: float, rx: float, ry: float, value: int = 255, line: float = 0
) -> None:
    axes = (round(rx / 2 * _SIDE), round(ry / 2 * _SIDE))
    thickness = -1 if line == 0 else round(line * _SIDE)
    cv2.ellipse(image, _xy(x, y), axes, 0, 0, 360, value, thickness)


def _polygon(image: Canvas, *points: tuple[float, float], value: int = 255) -> None:
    cv2.fillPoly(image, [np.array([_xy(*p) for p in points], np.int32)], value)


def _line(image: Canvas, x1: float, y1: float, x2: float, y2: float, width: float) -> None:
    cv2.line(image, _xy(x1, y1), _xy(x2, y2), 255, round(width * _SIDE))


@_draws('egg')
def _egg(fill: Canvas, accent: Canvas) -> None:
    _ellipse(fill, 0, 0.05, 0.62, 0.85)
    _ellipse(accent, 0, 0.2, 0.33, 0.33)


@_draws('tomato')
def _tomato(fill: Canvas, accent: Canvas) -> None:
    _ellipse(fill, 0, 0, 0.85, 0.8)
    for angle in np.linspace(0, 2 * np.pi, 6)[:-1]:
        _line(accent, 0, -0.2, 0.6 * np.cos(angle), -0.2 + 0.6 * np.sin(angle), 0.05)


@_draws('onion')
def _onion(fill: Canvas, accent: Canvas) -> None:
    _ellipse(fill, 0, 0.15, 0.8, 0.7)
    _polygon(fill, (-0.3, -0.4), (0.3, -0.4), (0, -0.98))
    for radius in (0.25, 0.5):
        _ellipse(accent, 0, 0.15, radius, radius * 0.9, line=0.045)


@_draws('carrot')
def _carrot(fill: Canvas, accent: Canvas) -> None:
    _polygon(fill, (-0.45, -0.7), (0.45, -0.7), (0.08, 0.98), (-0.08, 0.98))
    for x in (-0.25, 0, 0.25):
        _line(fill, 0, -0.6, x, -0.97, 0.05)
    for y in (-0.45, -0.1, 0.25):
        _line(accent, -0.45, y, 0.45, y, 0.05)


@_draws('potato')
def _potato(fill: Canvas, accent: Canvas) -> None:
    _ellipse(fill, -0.25, 0.1, 0.65, 0.6)
    _ellipse(fill, 0.35, -0.12, 0.6, 0.55)
    for x, y in ((-0.5, 0), (-0.1, 0.35), (0.1, -0.25), (0.5, 0.05), (0.6, -0.4)):
        _ellipse(accent, x, y, 0.1, 0.1)


@_draws('bread')
def _bread(fill: Canvas, accent: Canvas) -> None:
    _polygon(fill, (-0.7, -0.3), (0.7, -0.3), (0.7, 0.8), (-0.7, 0.8))
    _ellipse(fill, -0.35, -0.4, 0.5, 0.45)
    _ellipse(fill, 0.35, -0.4, 0.5, 0.45)
    _polygon(accent, (-0.45, -0.25), (0.45, -0.25), (0.45, 0.55), (-0.45, 0.55))


@_draws('cheese')
def _cheese(fill: Canvas, accent: Canvas) -> None:
    _polygon(fill, (-0.9, 0.6), (0.9, 0.6), (0.9, -0.1), (-0.9, 0.45))
    _polygon(fill, (-0.9, 0.5), (0.9, -0.1), (0.5, -0.6))
    for x, y, r in ((0.55, 0.35, 0.16), (0.1, 0.4, 0.12), (0.4, -0.2, 0.12)):
        _ellipse(accent, x, y, r, r)


@_draws('fish')
def _fish(fill: Canvas, accent: Canvas) -> None:
    _ellipse(fill, -0.2, 0, 0.72, 0.45)
    _polygon(fill, (0.35, 0), (0.95, -0.5), (0.95, 0.5))
    _ellipse(accent, -0.6, -0.1, 0.1, 0.1)
    for x in (-0.25, 0.0, 0.25):
        _line(accent, x, -0.4, x + 0.1, 0.4, 0.04)


@_draws('apple')
def _apple(fill: Canvas, accent: Canvas) -> None:
    _ellipse(fill, -0.3, 0.15, 0.52, 0.7)
    _ellipse(fill, 0.3, 0.15, 0.52, 0.7)
    _line(fill, 0, -0.4, 0.12, -0.95, 0.06)
    _ellipse(fill, 0.4, -0.75, 0.3, 0.14)
    _ellipse(accent, -0.35, 0.0, 0.14, 0.35)


@_draws('mushroom')
def _mushroom(fill: Canvas, accent: Canvas) -> None:
    _ellipse(fill, 0, -0.15, 0.9, 0.7)
    fill[_xy(0, 0)[1] :] = 0
    _polygon(fill, (-0.25, -0.05), (0.25, -0.05), (0.35, 0.9), (-0.35, 0.9))
    _polygon(accent, (-0.25, 0.02), (0.25, 0.02), (0.35, 0.9), (-0.35, 0.9))


@_draws('pepper')
def _pepper(fill: Canvas, accent: Canvas) -> None:
    for x in (-0.4, 0, 0.4):
        _ellipse(fill, x, 0.2, 0.33, 0.72)
    _polygon(fill, (-0.1, -0.5), (0.1, -0.5), (0.2, -0.97), (0, -0.97))
    for x in (-0.22, 0.22):
        _line(accent, x, -0.45, x, 0.85, 0.06)


@_draws('lemon')
def _lemon(fill: Canvas, accent: Canvas) -> None:
    _ellipse(fill, 0, 0, 0.7, 0.52)
    _polygon(fill, (-0.97, 0), (-0.5, -0.3), (-0.5, 0.3))
    _polygon(fill, (0.97, 0), (0.5, -0.3), (0.5, 0.3))
    for x in (-0.5, -0.2, 0.1, 0.4):
        _line(accent, x - 0.2, 0.5, x + 0.3, -0.5, 0.035)


def _handle(fill: Canvas, bottom: float, width: float = 0.09) -> None:
    """A straight handle from the top of the sprite down to ``bottom``."""
    _line(fill, 0, -0.95, 0, bottom, width)


@_draws('knife')
def _knife(fill: Canvas, accent: Canvas) -> None:
    _handle(fill, -0.3, 0.11)
    _polygon(fill, (-0.1, -0.35), (0.38, -0.3), (0.38, 0.45), (-0.1, 0.98))
    _polygon(accent, (0.18, -0.3), (0.38, -0.3), (0.38, 0.45), (0.18, 0.68))


@_draws('spoon')
def _spoon(fill: Canvas, accent: Canvas) -> None:
    _handle(fill, 0.3)
    _ellipse(fill, 0, 0.52, 0.36, 0.44)
    _ellipse(accent, 0, 0.52, 0.2, 0.26)


@_draws('whisk')
def _whisk(fill: Canvas, accent: Canvas) -> None:
    _handle(fill, -0.1)
    for rx in (0.14, 0.42):
        _ellipse(fill, 0, 0.4, rx, 0.55, line=0.06)
    _line(fill, 0, -0.1, 0, 0.95, 0.06)


@_draws('grater')
def _grater(fill: Canvas, accent: Canvas) -> None:
    _handle(fill, -0.4)
    _polygon(fill, (-0.3, -0.5), (0.3, -0.5), (0.5, 0.95), (-0.5, 0.95))
    for y in (-0.25, 0.1, 0.45, 0.75):
        for x in (-0.22, 0, 0.22):
            _ellipse(accent, x, y, 0.08, 0.08)


@_draws('peeler')
def _peeler(fill: Canvas, accent: Canvas) -> None:
    _handle(fill, 0.2)
    _line(fill, 0, 0.2, -0.45, 0.6, 0.07)
    _line(fill, 0, 0.2, 0.45, 0.6, 0.07)
    _line(fill, -0.45, 0.6, -0.45, 0.9, 0.07)
    _line(fill, 0.45, 0.6, 0.45, 0.9, 0.07)
    _line(fill, -0.5, 0.85, 0.5, 0.85, 0.07)
    _line(accent, -0.5, 0.85, 0.5, 0.85, 0.07)


@_draws('masher')
def _masher(fill: Canvas, accent: Canvas) -> None:
    _handle(fill, 0.4)
    _polygon(fill, (-0.6, 0.4), (0.6, 0.4), (0.6, 0.95), (-0.6, 0.95))
    for x in (-0.4, 0, 0.4):
        _polygon(accent, (x - 0.1, 0.55), (x + 0.1, 0.55), (x + 0.1, 0.95), (x - 0.1, 0.95))


@_draws('brush')
def _brush(fill: Canvas, accent: Canvas) -> None:
    _handle(fill, 0.1, 0.13)
    _polygon(fill, (-0.25, 0.05), (0.25, 0.05), (0.32, 0.95), (-0.32, 0.95))
    _polygon(accent, (-0.3, 0.45), (0.3, 0.45), (0.32, 0.95), (-0.32, 0.95))


@_draws('roller')
def _roller(fill: Canvas, accent: Canvas) -> None:
    _line(fill, -0.95, 0.3, 0.95, 0.3, 0.06)
    _polygon(fill, (-0.65, 0.05), (0.65, 0.05), (0.65, 0.6), (-0.65, 0.6))
    _polygon(accent, (-0.65, 0.22), (0.65, 0.22), (0.65, 0.36), (-0.65, 0.36))
