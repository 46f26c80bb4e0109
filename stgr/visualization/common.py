"""What all pictures share, so that a query has the same colour and name in each of them."""

import colorsys
import unicodedata

import numpy as np

from stgr.structures import GroundingResult

# Okabe and Ito's palette (told apart by colour-blind readers), without its black and yellow, which
# vanish on dark and on white ground.
BASE_COLOURS = (
    (230, 120, 0),
    (0, 114, 178),
    (0, 158, 115),
    (204, 90, 160),
    (86, 180, 233),
    (213, 60, 0),
)
GOLDEN_RATIO = 0.618033988749895  # steps of this share of the colour wheel never come close


def query_colours(count: int) -> list[tuple[int, int, int]]:
    """Return a colour per query, red, green and blue in 0..255, the same whatever ``count`` is."""
    colours = list(BASE_COLOURS[:count])
    for i in range(len(colours), count):
        red, green, blue = colorsys.hsv_to_rgb(i * GOLDEN_RATIO % 1, 0.65 + 0.3 * (i % 2), 0.75)
        colours.append((round(red * 255), round(green * 255), round(blue * 255)))
    return colours


def threshold_of(result: GroundingResult) -> float | None:
    """Return the cosine from which a frame counted, None if the settings do not say."""
    value = result.settings.get('threshold')
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and value is not None else None


def score_range(result: GroundingResult) -> tuple[float, float]:
    """Return the lowest and highest of all frame scores and the threshold, at least 0.05 apart."""
    threshold = threshold_of(result)
    values = [query.frame_scores for query in result.queries]
    scores = np.concatenate([*values, [] if threshold is None else [threshold]])
    low, high = (float(scores.min()), float(scores.max())) if scores.size else (0.0, 1.0)
    return low, max(high, low + 0.05)


def one_line(text: str, limit: int) -> str:
    """Return a text without line breaks or control characters, cut to ``limit`` characters."""
    shown = ''.join(' ' if unicodedata.category(c) in ('Cc', 'Cs') else c for c in text)
    shown = ' '.join(shown.split())
    return shown if len(shown) <= limit else shown[: limit - 1].rstrip() + '…'


def format_clock(time_sec: float) -> str:
    """Return a moment as people write it: ``1:05.2`` or ``1:02:03.0``."""
    tenths = round(time_sec * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    seconds = f'{tenths // 10:02d}.{tenths % 10}'
    return f'{hours}:{minutes:02d}:{seconds}' if hours else f'{minutes}:{seconds}'
