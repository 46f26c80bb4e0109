"""The file that says which actions to annotate, and where in the videos to look for them."""

import math
import re
from collections.abc import Mapping
from pathlib import Path

from stgr.annotation.work import Step
from stgr.io.checked_json import JsonNode, read_json

_TIMED = re.compile(r'(\d+)-(\d+)\s+(\S.*)')


def read_steps(path: Path, durations_sec: Mapping[str, float]) -> dict[str, tuple[Step, ...]]:
    """Return the steps to annotate in each video, in the order of the file.

    Args:
        path: One of

            * ``.json``: ``{video_id: [{"segment": [first, last], "sentence": name}]}``, seconds,
              both inside, as GroundingYouTube's ``seg.json``; only the videos given are taken;
            * else text with an action per line, looked for in every second of every video;
            * or text with ``12-20 crack egg`` per line: where in the one video to look.

        durations_sec: Length of each video that is annotated.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is malformed, names no action, lacks a video, mixes lines with and
            without a time, gives times for several videos, or a step begins after its video.
    """
    if path.suffix.lower() == '.json':
        steps = _from_json(read_json(path), path, list(durations_sec))
    else:
        steps = _from_text(path, durations_sec)
    for video_id, of_video in steps.items():
        last = _last_second(durations_sec[video_id])
        late = next((step for step in of_video if step.first_sec > last), None)
        if late:
            raise ValueError(
                f'{path}: {late.name!r} begins at second {late.first_sec}, but video {video_id} '
                f'ends after second {last}'
            )
    return {
        video_id: tuple(_cut(step, _last_second(durations_sec[video_id])) for step in of_video)
        for video_id, of_video in steps.items()
    }


def _from_json(document: JsonNode, path: Path, video_ids: list[str]) -> dict[str, list[Step]]:
    known = document.value if isinstance(document.value, dict) else {}
    missing = [video_id for video_id in video_ids if not known.get(video_id)]
    if missing:
        raise ValueError(
            f'{path} has no steps of video {missing[0]!r}; it must be an object of video ids (file '
            'names without suffix) and lists of steps'
        )
    return {
        video_id: [_step(node) for node in document[video_id].items()] for video_id in video_ids
    }


def _step(node: JsonNode) -> Step:
    ends = [end.integer() for end in node['segment'].items()]
    name = node['sentence'].text().replace('_', ' ').strip()
    if len(ends) != 2 or not 0 <= ends[0] <= ends[1] or not name:
        raise ValueError(
            f'{node.where} needs a name and "segment": [first, last] with 0 <= first <= last, but '
            f'has {ends} and {name!r}'
        )
    return Step(name, ends[0], ends[1], timed=True)


def _from_text(path: Path, durations_sec: Mapping[str, float]) -> dict[str, list[Step]]:
    lines = _lines(path)
    timed = {number: _TIMED.fullmatch(line) for number, line in lines.items()}
    if not any(timed.values()):
        names = list(dict.fromkeys(lines.values()))
        return {
            video_id: [Step(name, 0, _last_second(duration), timed=False) for name in names]
            for video_id, duration in durations_sec.items()
        }
    if len(durations_sec) != 1:
        raise ValueError(f'{path} gives times, but for {len(durations_sec)} videos; use JSON')
    return {
        video_id: [_timed_step(path, lines, n, timed[n]) for n in lines]
        for video_id in durations_sec
    }


def _lines(path: Path) -> dict[int, str]:
    try:
        lines = path.read_text(encoding='utf-8-sig').splitlines()  # editors may write a BOM
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} is no UTF-8 text; give one action per line') from error
    found = {number: line.strip() for number, line in enumerate(lines, 1) if line.strip()}
    if not found:
        raise ValueError(f'{path} names no action; give one per line')
    return found


def _timed_step(
    path: Path, lines: Mapping[int, str], number: int, match: re.Match[str] | None
) -> Step:
    if match is None or int(match[1]) > int(match[2]):
        raise ValueError(
            f'{path}:{number}: expected "first-last action", as "12-20 crack egg", in every line '
            f'or in none, but got {lines[number]!r}'
        )
    return Step(match[3], int(match[1]), int(match[2]), timed=True)


def _last_second(duration_sec: float) -> int:
    """Return the last whole second that begins before the end of a video."""
    return max(math.ceil(duration_sec) - 1, 0)


def _cut(step: Step, last_sec: int) -> Step:
    return Step(step.name, step.first_sec, min(step.last_sec, last_sec), timed=step.timed)
