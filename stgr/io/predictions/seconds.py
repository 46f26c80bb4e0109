"""Seconds of JSON lines put together to one record per video."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from stgr.io.checked_json import JsonNode
from stgr.io.predictions.video_prediction import PredictedPlaces, VideoPrediction, check_boxes
from stgr.structures import RunLengths, counts_from_string

_KINDS = ('point', 'box', 'mask', 'heatmap')
PLACE_FIELDS = tuple(f'{prefix}{name}' for prefix in ('', 'query_') for name in _KINDS)
# Places that do not count in a video that has some of the first kind; see PredictedPlaces.kind.
_IGNORED = {'heatmap': ('mask', 'box', 'point'), 'mask': ('box',)}


@dataclass(frozen=True)
class Second:
    """What one line, or one entry of a line's columns, says.

    Args:
        where: File and line.
        second: Time, seconds.
        label: Name of the action, None for background.
        score: Similarity of the best action.
        fields: The optional fields that are not null.
        given: Names of the optional fields, null or not.
        classes: Names that belong to the log-probabilities.
        frame_size: Of the coordinates.
    """

    where: str
    second: float
    label: str | None
    score: float
    fields: Mapping[str, JsonNode]
    given: frozenset[str]
    classes: tuple[str, ...] | None
    frame_size: tuple[float, float] | None


def join_seconds(path: Path, video_id: str, rows: Sequence[Second]) -> VideoPrediction:
    """Return the record of one video.

    Args:
        path: The file, for errors.
        video_id: Name of the video.
        rows: Its seconds, in any order.

    Raises:
        ValueError: If a second comes twice, lines disagree about classes or frame size, or a place
            is wrong; the line is named.
    """
    rows = sorted(rows, key=lambda row: row.second)
    for first, second in pairwise(rows):
        if first.second == second.second:
            raise ValueError(
                f'{second.where}: second {second.second:g} of video {video_id!r} was there '
                f'before, at {first.where}'
            )
    places = [_Places(video_id, rows, prefix) for prefix in ('', 'query_')]
    return VideoPrediction(
        video_id=video_id,
        times_sec=np.array([row.second for row in rows], np.float64),
        labels=[row.label for row in rows],
        scores=np.array([row.score for row in rows], np.float64),
        source=rows[0].where if rows else str(path),
        places=places[0].read(),
        query_places=places[1].read(),
        log_probs=_log_probs(rows),
        classes=_agreed(rows, 'classes'),
        frame_size=_agreed(rows, 'frame_size'),
    )


def _agreed(rows: Sequence[Second], name: str):  # type: ignore[no-untyped-def]
    """Return the value that all lines of a video share."""
    values = [getattr(row, name) for row in rows]
    for row, value in zip(rows, values, strict=True):
        if value != values[0]:
            raise ValueError(
                f'{row.where}: {name} is {value}, but {values[0]} at {rows[0].where} of the same '
                'video'
            )
    return values[0] if values else None


def _log_probs(rows: Sequence[Second]) -> np.ndarray | None:
    if not any('log_probs' in row.given for row in rows):
        return None
    found: list[np.ndarray] = []
    for row in rows:
        if 'log_probs' not in row.fields:
            raise ValueError(
                f'{row.where}: log_probs is missing; other seconds of the video have it'
            )
        values = row.fields['log_probs'].array('float64')
        if len(values) != len(found[0] if found else values):
            raise ValueError(f'{row.where}: {len(values)} log_probs, but {len(found[0])} before')
        found.append(values)
    return np.stack(found)


class _Places:
    """The places of one video: those of the predicted actions or those of the true ones."""

    def __init__(self, video_id: str, rows: Sequence[Second], prefix: str) -> None:
        self.video_id = video_id
        self.rows = rows
        self.prefix = prefix

    def read(self) -> PredictedPlaces | None:
        """Return the places, None if no line names any."""
        points, boxes = self._points(), self._boxes()
        masks, maps = self._masks(), self._maps()
        if points is None and boxes is None and masks is None and maps is None:
            return None
        self._check_one_kind()
        return PredictedPlaces(maps, points, boxes, masks)

    def _check_one_kind(self) -> None:
        """Refuse a second whose only places are of a kind that does not count in this video."""
        for kind, ignored in _IGNORED.items():
            if not any(self.prefix + kind in row.fields for row in self.rows):
                continue
            for row in self.rows:
                lost = [name for name in ignored if self.prefix + name in row.fields]
                if lost and self.prefix + kind not in row.fields:
                    raise ValueError(
                        f'{row.where}: second {row.second:g} of video {self.video_id!r} has a '
                        f'{self.prefix}{lost[0]} but no {self.prefix}{kind}, as other seconds '
                        'have; one kind of place counts in a video'
                    )
            return

    def _given(self, name: str) -> bool:
        """Tell whether some second has such a place, or all are null and this is one of them."""
        if any(self.prefix + other in row.fields for row in self.rows for other in _KINDS):
            return any(self.prefix + name in row.fields for row in self.rows)
        return any(self.prefix + name in row.given for row in self.rows)

    def _nodes(self, name: str) -> list[tuple[Second, JsonNode | None]]:
        return [(row, row.fields.get(f'{self.prefix}{name}')) for row in self.rows]

    def _points(self) -> np.ndarray | None:
        if not self._given('point'):
            return None
        points = np.full((len(self.rows), 2), np.nan)
        for index, (_, node) in enumerate(self._nodes('point')):
            if node is not None:
                points[index] = _numbers(node, 2)
        return points

    def _boxes(self) -> np.ndarray | None:
        if not self._given('box'):
            return None
        boxes = np.full((len(self.rows), 4), np.nan)
        for index, (_, node) in enumerate(self._nodes('box')):
            if node is None:
                continue
            boxes[index] = _numbers(node, 4)
            try:
                check_boxes(boxes[index : index + 1])
            except ValueError as error:
                raise ValueError(f'{node.where}: {error}') from error
        return boxes

    def _masks(self) -> tuple[RunLengths | None, ...] | None:
        if not self._given('mask'):
            return None
        return tuple(None if node is None else _mask(node) for _, node in self._nodes('mask'))

    def _maps(self) -> np.ndarray | None:
        if not self._given('heatmap'):
            return None
        maps = [None if node is None else _map(node) for _, node in self._nodes('heatmap')]
        shapes = {one.shape for one in maps if one is not None}
        if len(shapes) > 1:
            raise ValueError(
                f'{self.rows[0].where}: video {self.video_id!r} has heat maps of {sorted(shapes)}; '
                'one video has one grid'
            )
        blank = np.zeros(shapes.pop() if shapes else (1, 1))
        return np.stack([blank if one is None else one for one in maps])


def _numbers(node: JsonNode, num: int) -> np.ndarray:
    values = node.array('float64')
    if len(values) != num:
        raise ValueError(f'{node.where} must be {num} numbers, but got {len(values)}')
    return values


def _map(node: JsonNode) -> np.ndarray:
    rows = node.items()
    columns = len(rows[0].items()) if rows else 0
    values = node.array('float64', columns=columns)
    if not values.size:
        raise ValueError(f'{node.where} must have rows and columns, but is empty')
    if values.min() < 0:
        raise ValueError(f'{node.where} must be >= 0, but goes down to {values.min():g}')
    return values


def _mask(node: JsonNode) -> RunLengths:
    size = [side.integer() for side in node['size'].items()]
    if len(size) != 2:
        raise ValueError(f'{node.where}.size must be height and width, but is {size}')
    counts = node['counts']
    try:
        lengths = (
            counts_from_string(counts.value)
            if isinstance(counts.value, str)
            else np.array([count.integer() for count in counts.items()], np.int64)
        )
        return RunLengths(size[0], size[1], lengths)
    except (ValueError, OverflowError) as error:
        message = str(error)
        raise ValueError(
            message if node.where in message else f'{node.where}: {message}'
        ) from error
