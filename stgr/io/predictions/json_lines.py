"""Predictions as JSON lines, one line per second or per video, see docs/predictions.md."""

import difflib
import json
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stgr.io.checked_json import JsonNode, named_error, strict_hooks
from stgr.io.predictions.seconds import PLACE_FIELDS, Second, join_seconds
from stgr.io.predictions.video_prediction import VideoPrediction
from stgr.structures import BACKGROUND_NAME

VIDEO_FIELDS = ('video', 'classes', 'frame_size')
SECOND_FIELDS = ('second', 'label', 'score', *PLACE_FIELDS, 'log_probs')
PLURALS = {'box': 'boxes', 'query_box': 'query_boxes', 'log_probs': 'log_probs'}
COLUMNS = {name: PLURALS.get(name, f'{name}s') for name in SECOND_FIELDS}


def read_json_lines(path: Path) -> list[VideoPrediction]:
    """Read predictions of all videos of a JSON-lines file.

    Args:
        path: UTF-8 text, one JSON object per line; blank lines and a byte order mark are skipped.

    Returns:
        The videos, in the order of their first line.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line is broken, lacks a field, has one that is not known or a value of a
            wrong kind, or if a video or second comes twice; file and line are named.
    """
    rows: dict[str, list[Second]] = {}
    whole: dict[str, str] = {}  # videos that one line told all of, and that line
    for line in iterate_lines(path):
        video_id = line['video'].text()
        if video_id in whole or ('seconds' in line.value and video_id in rows):
            before = whole.get(video_id) or rows[video_id][0].where
            raise ValueError(f'{line.where} video {video_id!r} was there before, at {before}')
        if 'seconds' in line.value:
            whole[video_id] = line.where.rstrip(':')
            rows[video_id] = _columns(line)
        else:
            check_fields(line, (*VIDEO_FIELDS, *SECOND_FIELDS))
            rows.setdefault(video_id, []).append(_second(line, line))
    return [join_seconds(path, video_id, seconds) for video_id, seconds in rows.items()]


def iterate_lines(path: Path) -> Iterator[JsonNode]:
    """Yield the object of each line, which knows its file and line; not of blank ones."""
    for number, content in enumerate(path.read_bytes().removeprefix(BOM_UTF8).split(b'\n'), 1):
        where = f'{path}:{number}:'
        try:
            text = content.decode('utf-8')
        except UnicodeDecodeError as error:
            raise ValueError(f'{where} byte {error.start} is not UTF-8') from error
        if text.strip():
            yield JsonNode(_parse(text, where), where)


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text, **strict_hooks(where))
    except json.JSONDecodeError as error:
        raise ValueError(f'{where} broken JSON at column {error.colno}: {error.msg}') from error
    except RecursionError as error:
        raise ValueError(f'{where} nested too deeply to be a prediction') from error
    except ValueError as error:
        raise named_error(error, where) from error
    if not isinstance(value, dict):
        raise ValueError(f'{where} expected an object, but got a {type(value).__name__}')
    return value


def check_fields(line: JsonNode, known: tuple[str, ...]) -> None:
    """Refuse misspelt fields, which would silently be no prediction."""
    for name in line.value:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f'did you mean {near[0]!r}?' if near else f'known are {list(known)}'
            raise ValueError(f'{line.where} field {name!r} is unknown; {hint}')


def _columns(line: JsonNode) -> list[Second]:
    """Return the seconds of a line that tells a whole video, column by column."""
    check_fields(line, (*VIDEO_FIELDS, *COLUMNS.values()))
    columns = {
        name: line[column].items() for name, column in COLUMNS.items() if column in line.value
    }
    num = len(columns['second'])
    for name, column in columns.items():
        if len(column) != num:
            raise ValueError(
                f'{line.where} {COLUMNS[name]} has {len(column)} entries for {num} seconds'
            )
    rows = []
    for index in range(num):
        fields = {name: column[index] for name, column in columns.items()}
        row = _Row({name: node.value for name, node in fields.items()}, line.where, fields)
        rows.append(_second(row, line))
    return rows


class _Row(JsonNode):
    """One second out of columns, whose fields keep the place they were found at."""

    def __init__(self, value: dict[str, Any], where: str, fields: dict[str, JsonNode]) -> None:
        super().__init__(value, where)
        self.fields = fields

    def __getitem__(self, key: str) -> JsonNode:
        if key not in self.fields:
            raise ValueError(f'{self.where} {COLUMNS[key]} is missing')
        return self.fields[key]


def _second(row: JsonNode, line: JsonNode) -> Second:
    optional = [name for name in (*PLACE_FIELDS, 'log_probs') if name in row.value]
    return Second(
        where=line.where.rstrip(':'),
        second=row['second'].number(),
        label=_label(row['label']),
        score=row['score'].number(),
        fields={name: row[name] for name in optional if row.value[name] is not None},
        given=frozenset(optional),
        classes=_classes(line),
        frame_size=frame_size_of(line),
    )


def _label(node: JsonNode) -> str | None:
    return None if node.value in (None, BACKGROUND_NAME) else node.text()


def _classes(line: JsonNode) -> tuple[str, ...] | None:
    if line.value.get('classes') is None:
        return None
    return tuple(node.text() for node in line['classes'].items())


def frame_size_of(line: JsonNode) -> tuple[float, float] | None:
    """Return the field ``frame_size``, None if the line has none."""
    if line.value.get('frame_size') is None:
        return None
    sides = [node.number() for node in line['frame_size'].items()]
    if len(sides) != 2 or min(sides) <= 0:
        raise ValueError(f'{line.where} frame_size must be a width and a height > 0, not {sides}')
    return sides[0], sides[1]
