"""A density on the frame, over a picture or plain."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stgr.visualization.evaluation_report.markup import clean, compact

WIDTH, HEIGHT = 480, 360  # every frame is shown as 4:3
INK = (0, 60, 130)


@dataclass(frozen=True)
class PictureMark:
    """A marked point.

    Args:
        x: From the left, as a share of the width.
        y: From the top, as a share of the height.
        text: Beside it.
    """

    x: float
    y: float
    text: str


def draw_density(
    density: np.ndarray, *, background: np.ndarray | None = None, marks: Sequence[PictureMark] = ()
) -> str:
    """Return a density as shades of one colour, the densest cell the darkest.

    Args:
        density: (h, w), >= 0.
        background: RGB picture below it, (H, W, 3) uint8; None leaves it white.
        marks: Points to mark.
    """
    parts = []
    if background is not None:
        pale = (255 - (255 - background.astype(np.float32)) * 0.6).astype(np.uint8)
        parts.append(_image(pale))
    parts.append(_image(_shades(density)))
    parts.append(f'<rect class="frame" x=".5" y=".5" width="{WIDTH - 1}" height="{HEIGHT - 1}"/>')
    for mark in marks:
        x, y = compact(mark.x * WIDTH), compact(mark.y * HEIGHT)
        side = ' class="end"' if mark.x > 0.6 else ''
        text_x, text_y = mark.x * WIDTH + (-9 if side else 9), mark.y * HEIGHT + 16
        parts.append(
            f'<path class="cross" d="M{x} {y}m-6 0h12m-6-6v12"/><g class="halo"><text{side} '
            f'x="{compact(text_x)}" y="{compact(min(text_y, HEIGHT - 6))}">'
            f'{clean(mark.text)}</text></g>'
        )
    return f'<svg class="map" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(parts)}</svg>'


def _shades(density: np.ndarray) -> np.ndarray:
    """Return colours of growing opacity, (h, w, 4) uint8; the root lets thin places show."""
    peak = float(density.max(initial=0))
    opacity = np.sqrt(density / peak) if peak > 0 else np.zeros_like(density)
    colours = np.empty((*density.shape, 4), np.uint8)
    colours[..., :3] = INK
    colours[..., 3] = np.round(215 * opacity)
    return colours


def _image(pixels: np.ndarray) -> str:
    """Return a picture as an element of the drawing: JPEG, or PNG where it is see-through."""
    from PIL import Image

    is_clear = pixels.shape[2] == 4
    kind, content = 'png' if is_clear else 'jpeg', io.BytesIO()
    Image.fromarray(pixels).save(content, kind, **({} if is_clear else {'quality': 80}))
    source = f'data:image/{kind};base64,{base64.b64encode(content.getvalue()).decode()}'
    return f'<image href="{source}" width="{WIDTH}" height="{HEIGHT}" preserveAspectRatio="none"/>'
