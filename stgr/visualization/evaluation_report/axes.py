"""The plot area that the charts share: a scale from values to units, ticks and grid lines."""

import math
from dataclasses import dataclass

from stgr.visualization.evaluation_report.markup import clean, compact

TICKS = 5


@dataclass(frozen=True)
class Scale:
    """A straight or logarithmic scale from values to a stretch of the picture.

    Args:
        low: Value at ``start``.
        high: Value at ``end``, other than ``low``; both positive if logarithmic.
        start: Position in the picture.
        end: Likewise.
        is_log: Whether equal factors are equal steps.
    """

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def place(self, value: float) -> float:
        """Return the position of a value; values outside end at the border."""
        if self.is_log:
            value, low, high = (math.log(max(v, 1e-300)) for v in (value, self.low, self.high))
        else:
            low, high = self.low, self.high
        share = min(max((value - low) / (high - low), 0.0), 1.0)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Return round values inside the range, about five."""
        if self.is_log:
            first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
            tens = [10.0**power for power in range(first, last + 1)]
            return tens if len(tens) > 1 else [self.low, self.high]
        return round_ticks(self.low, self.high)


def round_ticks(low: float, high: float, count: int = TICKS) -> list[float]:
    """Return multiples of 1, 2, 2.5 or 5 times a power of ten inside the range, about ``count``."""
    raw = (high - low) / count
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def draw_axes(x: Scale, y: Scale, x_label: str, y_label: str, *, y_percent: bool = True) -> str:
    """Return grid lines, tick texts and names of both axes.

    Args:
        x: Horizontal scale, left to right.
        y: Vertical scale, its ``start`` below its ``end``.
        x_label: Text below.
        y_label: Text above the axis.
        y_percent: Whether vertical values are fractions to be written in per cent.
    """
    parts = []
    for tick in y.ticks():
        at, text = compact(y.place(tick)), f'{100 * tick:g}' if y_percent else f'{tick:g}'
        parts.append(f'<path class="grid" d="M{x.start:g} {at}H{x.end:g}"/>')
        parts.append(f'<text class="end" x="{x.start - 6:g}" y="{at}" dy=".32em">{text}</text>')
    parts.append(f'<path class="axis" d="M{x.start:g} {y.start:g}H{x.end:g}"/>')
    for tick in x.ticks():
        at = compact(x.place(tick))
        parts.append(f'<path class="axis" d="M{at} {y.start:g}v4"/>')
        parts.append(f'<text class="mid" x="{at}" y="{y.start + 16:g}">{tick:.4g}</text>')
    middle = compact((x.start + x.end) / 2)
    parts.append(f'<text class="mid" x="{middle}" y="{y.start + 33:g}">{clean(x_label)}</text>')
    parts.append(f'<text x="{x.start - 30:g}" y="{y.end - 9:g}">{clean(y_label)}</text>')
    return ''.join(parts)
