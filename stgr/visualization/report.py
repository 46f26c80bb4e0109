"""One HTML file that shows a result: video, queries, spans and curves, with click-to-seek."""

import base64
import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from stgr.io.atomic import write_atomically
from stgr.structures import GroundingResult, QueryResult, Span
from stgr.visualization.common import format_clock, query_colours, threshold_of
from stgr.visualization.content_policy import own_script_only
from stgr.visualization.curve_svg import ScoreScale, draw_curve
from stgr.visualization.report_page import FOLD, PAGE, SCRIPT, STYLE

CLOCK_STEPS = 4
WHOLE_SECONDS = 20  # a longer video's clock shows no tenths
# Of more queries than this, those that were not found are folded away below the others.
MOST_UNFOLDED = 40
Truth = Mapping[str, Sequence[Span]]


def write_report(
    result: GroundingResult,
    out_path: str | os.PathLike[str],
    *,
    overlay_path: str | os.PathLike[str] | None = None,
    truth: Truth | None = None,
    embed_limit_bytes: int = 30_000_000,
) -> Path:
    """Write a report that works from a folder or a mail, without a network.

    Text of users is escaped, and a content policy forbids the page to fetch anything or to run any
    other script than its own. Of more than ``MOST_UNFOLDED`` queries, those that were not found
    come after the others and folded away; both in the order asked.

    Args:
        result: What was found.
        out_path: An ``.html`` file, overwritten.
        overlay_path: The overlay video; None for a report without video.
        truth: True spans of some queries, by the text of the query; None if not known.
        embed_limit_bytes: A larger video is not put into the file but linked beside it.

    Returns:
        The path of the report.

    Raises:
        FileNotFoundError: If ``overlay_path`` is not there.
        KeyError: If ``truth`` holds a query that was not asked.
    """
    out_path, truth = Path(out_path), truth or {}
    unknown = set(truth) - {query.query for query in result.queries}
    if unknown:
        raise KeyError(f'truth is given for {sorted(unknown)}, which were not asked')
    stage, media = _stage(overlay_path, out_path, embed_limit_bytes)
    page = PAGE.format(
        policy=own_script_only(SCRIPT, media=media),
        title=escape(Path(result.video.path).name),
        duration=f'{result.video.duration_sec:.6f}',
        facts=_facts(result),
        notices=_notices(result),
        stage=stage,
        summary=_summary(result.queries),
        legend=_legend(result, has_truth=bool(truth)),
        clock=_clock(result.video.duration_sec),
        **_tables(result, truth),
        settings=_settings(result),
        style=STYLE,
        script=SCRIPT,
    )
    return write_atomically(out_path, page.encode('utf-8', 'replace'))


def _stage(
    overlay_path: str | os.PathLike[str] | None, out_path: Path, embed_limit_bytes: int
) -> tuple[str, str]:
    """The video element and where the policy lets it come from."""
    if overlay_path is None:
        return '<p>No overlay video was written for this result.</p>', "'none'"
    overlay_path = Path(overlay_path)
    size = overlay_path.stat().st_size
    if size <= embed_limit_bytes:
        content = base64.b64encode(overlay_path.read_bytes()).decode()
        source, note, media = f'data:video/mp4;base64,{content}', '', 'data: blob:'
    else:
        relative = os.path.relpath(overlay_path, out_path.parent)
        source, media = quote(Path(relative).as_posix()), "'self' file:"
        note = (
            f'<p>The video ({size / 1e6:.0f} MB) is too large for this file: keep '
            f'<a href="{escape(source)}">{escape(relative)}</a> beside it.</p>'
        )
    return f'<video controls preload="auto" src="{escape(source)}"></video>{note}', media


def _facts(result: GroundingResult) -> str:
    video = result.video
    return escape(
        f'{video.width} × {video.height} px, {format_clock(video.duration_sec)}, '
        f'{video.fps:.3g} fps, {"with" if video.has_audio else "no"} sound · '
        f'{len(result.times_sec)} frames evaluated · model {result.model.name}'
    )


def _notices(result: GroundingResult) -> str:
    parts = []
    if result.model.notice:
        parts.append(f'<div class="notice" role="alert">⚠ {escape(result.model.notice)}</div>')
    if result.video.warnings:
        items = ''.join(f'<li>{escape(warning)}</li>' for warning in result.video.warnings)
        parts.append(f'<div class="warnings"><b>The video file</b><ul>{items}</ul></div>')
    return '\n'.join(parts)


def _summary(queries: Sequence[QueryResult]) -> str:
    found = sum(query.found for query in queries)
    return f'{found} of {len(queries)} queries found.'


def _legend(result: GroundingResult, *, has_truth: bool) -> str:
    threshold = threshold_of(result)
    parts = ['Similarity over time']
    if threshold is not None:
        parts.append(f'dashed: threshold {threshold:.3g}')
    if has_truth:
        parts.append('dark strip: truth')
    return escape(', '.join(parts))


def _clock(duration_sec: float) -> str:
    """Times below the curves' heads, from start to end."""
    digits = 0 if duration_sec > WHOLE_SECONDS else 1
    marks = [round(duration_sec * i / CLOCK_STEPS, digits) for i in range(CLOCK_STEPS + 1)]
    return ''.join(f'<span>{format_clock(mark).removesuffix(".0")}</span>' for mark in marks)


def _tables(result: GroundingResult, truth: Truth) -> dict[str, str]:
    """Return the rows to show at once, and a fold with the others, '' if there are none."""
    colours = query_colours(len(result.queries))
    scale = ScoreScale.of(result)
    folds = len(result.queries) > MOST_UNFOLDED
    shown: list[str] = []
    folded: list[str] = []
    for query, rgb in zip(result.queries, colours, strict=True):
        colour = '#{:02x}{:02x}{:02x}'.format(*rgb)
        row = _row(result, query, truth.get(query.query, ()), colour, scale)
        (folded if folds and not query.found else shown).append(row)
    fold = FOLD.format(count=len(folded), rows='\n'.join(folded)) if folded else ''
    return {'rows': '\n'.join(shown), 'fold': fold}


def _row(
    result: GroundingResult,
    query: QueryResult,
    truth: Sequence[Span],
    colour: str,
    scale: ScoreScale,
) -> str:
    name = escape(query.query)
    spans = ''.join(_span_button(span, query.query) for span in query.spans) or '–'
    if truth:
        spans += '<br>truth: ' + ''.join(
            _span_button(span, query.query, is_truth=True) for span in truth
        )
    return (
        f'<tr{"" if query.found else " class=missed"}><th scope="row">'
        f'<span class="swatch" style="background:{colour}"></span>{name}</th>'
        f'<td>{"found" if query.found else "not found"}{_why_not(result, query)}'
        f'{_probable(query.probability)}</td>'
        f'<td class="number">{query.score:.3f}</td><td class="spans"><div>{spans}</div></td>'
        f'<td class="plot"><div class="curve" role="slider" tabindex="0" '
        f'aria-label="Time in the curve of {name}" aria-valuemin="0" '
        f'aria-valuemax="{result.video.duration_sec:.2f}" aria-valuenow="0">'
        f'{draw_curve(result, query, truth, colour=colour, scale=scale)}</div></td></tr>'
    )


def _why_not(result: GroundingResult, query: QueryResult) -> str:
    why = result.why_not(query)
    return f':<br>{why}' if why else ''


def _probable(probability: float | None) -> str:
    return '' if probability is None else f'<br>probability {probability:.2f}'


def _span_button(span: Span, query: str, *, is_truth: bool = False) -> str:
    text = f'{format_clock(span.start_sec)} – {format_clock(span.end_sec)}'
    kind = 'truth' if is_truth else f'mean score {span.score:.3f}'
    if span.probability is not None:
        kind += f', right with probability {span.probability:.2f}'
    label = escape(f'{query}: {text}, {kind}')
    style = ' class="truth"' if is_truth else ''
    return (
        f'<button type="button"{style} data-start="{span.start_sec:.6f}" '
        f'data-end="{span.end_sec:.6f}" aria-label="{label}" title="{label}">{text}</button>'
    )


def _settings(result: GroundingResult) -> str:
    pairs = {
        'video': result.video.path,
        'reader': result.video.reader,
        'model': result.model.name,
        'weights sha256': result.model.weights_sha256 or 'none: random weights',
        **result.settings,
    }
    return '\n'.join(
        f'<tr><th scope="row">{escape(str(name))}</th><td>{escape(str(value))}</td></tr>'
        for name, value in pairs.items()
    )
