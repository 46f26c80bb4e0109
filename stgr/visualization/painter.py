"""One picture of the overlay: a frame with what was found at its moment."""

from bisect import bisect_right

import numpy as np

from stgr.structures import GroundingResult, QueryResult, Tube
from stgr.visualization.common import query_colours
from stgr.visualization.drawing import (
    Colour,
    blend_heat,
    draw_box,
    draw_playhead,
    make_heat_layer,
    make_label,
    make_timeline_bar,
    paste,
)

# More boxes and labels than this cover the picture; the best-scoring ones are drawn.
MOST_AT_A_MOMENT = 6
MORE_COLOUR = (40, 40, 40)


class OverlayPainter:
    """Paints what was found at a moment over the frame shown at that moment.

    Of more than ``MOST_AT_A_MOMENT`` queries at one moment, those whose spans score best are
    painted, and a plate at the lower left says how many more there are. The bar shows all.

    Args:
        result: What was found.
        size: Width and height of the frames that come in.
    """

    def __init__(self, result: GroundingResult, *, size: tuple[int, int]) -> None:
        self.size = size
        colours = query_colours(len(result.queries))
        self._bar = make_timeline_bar(result, colours, width_px=size[0])
        self.picture_size = (size[0], size[1] + len(self._bar))
        self._duration_sec = result.video.duration_sec
        scale = (size[0] / result.video.width, size[1] / result.video.height)
        self._layers = [
            _QueryLayer(query, colour, size=size, scale=scale)
            for query, colour in zip(result.queries, colours, strict=True)
            if query.found
        ]

    def paint(self, frame: np.ndarray, time_sec: float) -> np.ndarray:
        """Return the picture of one moment, bar included.

        Args:
            frame: What the video shows, (height, width, 3) uint8 RGB; not changed.
            time_sec: The moment.
        """
        picture = np.ascontiguousarray(frame).copy()
        active = [layer for layer in self._layers if layer.is_active(time_sec)]
        hidden = len(active) - MOST_AT_A_MOMENT
        if hidden > 0:
            active = self._best(active, time_sec)
        for layer in self._layers:
            if layer not in active:
                layer.forget_heat()
        for layer in active:
            picture = layer.add_heat(picture, time_sec)
        for layer in active:
            layer.add_box(picture, time_sec)
        occupied: list[tuple[int, int, int, int]] = []
        for layer in active:
            occupied.append(layer.add_label(picture, time_sec, occupied))
        if hidden > 0:
            self._say_how_many_more(picture, hidden)
        bar = self._bar.copy()
        draw_playhead(bar, time_sec / self._duration_sec)
        return np.concatenate([picture, bar])

    def _best(self, active: list['_QueryLayer'], time_sec: float) -> list['_QueryLayer']:
        """Return the layers whose spans score best, in the order asked."""
        best = sorted(active, key=lambda layer: -layer.score_at(time_sec))[:MOST_AT_A_MOMENT]
        return [layer for layer in active if layer in best]

    def _say_how_many_more(self, picture: np.ndarray, hidden: int) -> None:
        plate = make_label(
            f'+{hidden} more', MORE_COLOUR, font_px=font_size(self.size), max_width_px=self.size[0]
        )
        paste(picture, plate, x=0, y=self.size[1])


class _QueryLayer:
    """One query's share of the picture; the heat of the last frame is kept."""

    def __init__(
        self,
        query: QueryResult,
        colour: Colour,
        *,
        size: tuple[int, int],
        scale: tuple[float, float],
    ) -> None:
        self.query, self.colour, self.size = query, colour, size
        self.scale = np.array([*scale, *scale])
        text = query.query
        if query.probability is not None:
            text = f'{text} ({100 * query.probability:.0f} %)'
        self.label = make_label(text, colour, font_px=font_size(size), max_width_px=size[0])
        self._tubes = sorted(query.tubes, key=lambda tube: tube.span.start_sec)
        self._starts_sec = [tube.span.start_sec for tube in self._tubes]
        self._heat: tuple[int, tuple[np.ndarray, np.ndarray]] | None = None

    def is_active(self, time_sec: float) -> bool:
        return self._tube_at(time_sec) is not None

    def score_at(self, time_sec: float) -> float:
        """Return the score of the span of a moment at which the query is active."""
        tube = self._tube_at(time_sec)
        assert tube is not None, 'the query is not active'
        return tube.span.score

    def forget_heat(self) -> None:
        """Free a picture's worth of memory until the heat is drawn again."""
        self._heat = None

    def _tube_at(self, time_sec: float) -> Tube | None:
        """Return the tube whose span holds a moment, None if there is none."""
        index = bisect_right(self._starts_sec, time_sec) - 1
        if index < 0 or time_sec >= self._tubes[index].span.end_sec:
            return None
        return self._tubes[index]

    def add_heat(self, picture: np.ndarray, time_sec: float) -> np.ndarray:
        maps = self.query.heatmaps
        index = -1 if maps is None else last_at(maps.times_sec, time_sec)
        if maps is None or index < 0:
            return picture
        if self._heat is None or self._heat[0] != index:
            layer = make_heat_layer(maps.values[index], self.colour, size=self.size)
            self._heat = index, layer
        return blend_heat(picture, self._heat[1])

    def add_box(self, picture: np.ndarray, time_sec: float) -> None:
        box_px = self._box_at(time_sec)
        if box_px is not None:
            draw_box(picture, box_px, self.colour)

    def add_label(
        self, picture: np.ndarray, time_sec: float, occupied: list[tuple[int, int, int, int]]
    ) -> tuple[int, int, int, int]:
        """Paste the label above the box, lower if another label is there; return where it is."""
        box_px = self._box_at(time_sec)
        height, width = self.label.shape[:2]
        x, y = (0, 0) if box_px is None else (int(box_px[0]), int(box_px[1]) - height - 2)
        x = min(max(0, x), max(0, self.size[0] - width))
        y = min(max(0, y), max(0, self.size[1] - height))
        for left, top, right, bottom in sorted(occupied, key=lambda place: place[1]):
            if x < right and left < x + width and y < bottom and top < y + height:
                y = bottom
        paste(picture, self.label, x=x, y=y)
        return x, y, x + width, y + height

    def _box_at(self, time_sec: float) -> np.ndarray | None:
        tube = self._tube_at(time_sec)
        if tube is None:
            return None
        index = last_at(tube.times_sec, time_sec)
        if index < 0 or not tube.visible[index]:
            return None
        return np.asarray(tube.boxes_px[index] * self.scale)


def font_size(size: tuple[int, int]) -> int:
    """Return the height of letters for frames of a width and height."""
    return max(9, round(min(size) / 28))


def last_at(times_sec: np.ndarray, time_sec: float) -> int:
    """Return the index of the last time that is not after ``time_sec``, -1 if there is none."""
    return int(np.searchsorted(times_sec, time_sec + 1e-6, side='right')) - 1
