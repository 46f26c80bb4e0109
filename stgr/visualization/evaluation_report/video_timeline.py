"""The labels of one video over time: true, predicted, and where both agree."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stgr.visualization.common import format_clock, query_colours
from stgr.visualization.evaluation_report.markup import (
    clean,
    compact,
    draw_legend,
    format_share,
    hex_colour,
)

TRUTH_Y, PREDICTED_Y, POINT_Y, HEIGHT = 0, 20, 40, 48
ROW_HEIGHT, POINT_HEIGHT = 18, 8
GOOD, NEAR = '#1b8a4b', '#e0a100'
CLOCK_LABELS = 5
WHOLE_SECONDS = 20  # a longer video's clock shows no tenths


@dataclass(frozen=True)
class VideoLabels:
    """What is drawn of a video.

    Args:
        video_id: Its name.
        pool: Names of the classes.
        times_sec: Presentation times of the frames, (T,), ascending.
        truth: Class of each frame, (T,), -1 is background.
        predicted: Likewise.
        hit: Whether the point of a predicted action lies in the true box, (T,); None: not said.
        scores: Names and values to print, fractions.
    """

    video_id: str
    pool: Sequence[str]
    times_sec: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray
    hit: np.ndarray | None
    scores: Sequence[tuple[str, float]] = ()


def draw_timeline(video: VideoLabels) -> str:
    """Return the rows of one video under its name and scores, with the legend of its classes."""
    scores = ' · '.join(f'{clean(name)} {format_share(value)} %' for name, value in video.scores)
    head = f'<h3>{clean(video.video_id)} <small>{scores}</small></h3>'
    if not len(video.times_sec):
        return f'<div class="video">{head}<p class="note">no frames</p></div>'
    edges = _edges(video.times_sec)
    classes = _classes(video)
    colours = dict(zip(classes, map(hex_colour, query_colours(len(classes))), strict=True))
    width = compact(float(edges[-1]))
    rows = [f'<rect class="ground" width="{width}" height="{PREDICTED_Y + ROW_HEIGHT}"/>']
    for labels, top in ((video.truth, TRUTH_Y), (video.predicted, PREDICTED_Y)):
        for label in classes:
            path = _runs(labels == label, edges, top, ROW_HEIGHT)
            name = clean(video.pool[label])
            rows.append(_drawn(path, colours[label], name))
    right = (video.truth == video.predicted) & (video.truth >= 0)
    pointed = right if video.hit is None else right & video.hit
    rows.append(_drawn(_runs(pointed, edges, POINT_Y, POINT_HEIGHT), GOOD, _good(video)))
    missed = _runs(right & ~pointed, edges, POINT_Y, POINT_HEIGHT)
    rows.append(_drawn(missed, NEAR, 'right label, point outside the box'))
    clock = ''.join(
        f'<span>{_clock(float(share * edges[-1] + video.times_sec[0]), float(edges[-1]))}</span>'
        for share in np.linspace(0, 1, CLOCK_LABELS)
    )
    return (
        f'<div class="video">{head}<div class="rows"><div class="names"><span>true</span>'
        f'<span>predicted</span></div><svg class="time" viewBox="0 0 {width} {HEIGHT}" '
        f'preserveAspectRatio="none" data-start="{video.times_sec[0]:.3f}" role="img" '
        f'aria-label="Labels over time">{"".join(rows)}</svg><div class="clock">{clock}</div></div>'
        f'{draw_legend([(colours[label], video.pool[label]) for label in classes])}</div>'
    )


def draw_videos_list(timelines: Sequence[str]) -> str:
    """Return many timelines below a field that searches them by name and class."""
    field = (
        '<input class="search" type="search" placeholder="video or class" '
        'aria-label="Show videos that contain">'
    )
    return f'<div>{field}{"".join(timelines)}</div>'


def draw_key(*, has_points: bool) -> str:
    """Return what the colours of the lowest strip mean."""
    if not has_points:
        return draw_legend([(GOOD, 'lowest strip: right label')])
    return draw_legend(
        [(GOOD, 'lowest strip: right label and point'), (NEAR, 'right label, point outside')]
    )


def _clock(time_sec: float, duration_sec: float) -> str:
    """Return a moment, to the second where tenths say nothing."""
    if duration_sec > WHOLE_SECONDS:
        time_sec = round(time_sec)
    return format_clock(time_sec).removesuffix('.0')


def _good(video: VideoLabels) -> str:
    return 'right label' if video.hit is None else 'right label, point in the box'


def _edges(times_sec: np.ndarray) -> np.ndarray:
    """Return where frames begin and the last one ends, (T + 1,), from the first frame on."""
    step = float(np.median(np.diff(times_sec))) if len(times_sec) > 1 else 1.0
    return np.append(times_sec, times_sec[-1] + step) - times_sec[0]


def _classes(video: VideoLabels) -> list[int]:
    """Return the classes that are there, the true ones first, in order of appearance."""
    seen = dict.fromkeys(np.concatenate([video.truth, video.predicted]).tolist())
    return [label for label in seen if label >= 0]


def _runs(mask: np.ndarray, edges: np.ndarray, top: int, height: int) -> str:
    """Return the path of the rectangles where a mask is true."""
    padded = np.concatenate([[False], mask, [False]]).astype(np.int8)
    starts, ends = np.flatnonzero(np.diff(padded) == 1), np.flatnonzero(np.diff(padded) == -1)
    parts = []
    for start, end in zip(edges[starts].tolist(), edges[ends].tolist(), strict=True):
        wide = compact(end - start)
        parts.append(f'M{compact(start)} {top}h{wide}v{height}h-{wide}z')
    return ''.join(parts)


def _drawn(path: str, colour: str, title: str) -> str:
    return f'<path fill="{colour}" d="{path}"><title>{title}</title></path>' if path else ''
