"""One HTML page to look prepared videos over: pictures, captions beside their times, numbers."""

import base64
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from stgr.io.atomic import write_atomically
from stgr.visualization.common import format_clock
from stgr.visualization.contact_sheet_page import PAGE, SCRIPT, STYLE, VIDEO
from stgr.visualization.content_policy import own_script_only

MAX_CAPTIONS = 500  # of one video
Numbers = Mapping[str, str | float | int]


@dataclass(frozen=True)
class SheetVideo:
    """One video of the sheet.

    Args:
        video_id: Its name.
        facts: Split, length, language: what is said of it in a line.
        captions: Start and end in seconds and text of each.
        pictures: JPEG of frames side by side, one per entry of ``picture_sec``; empty: none.
        picture_sec: When the frames are shown.
        left_out: Why nothing is learned from it; None: it is used.
    """

    video_id: str
    facts: str
    captions: Sequence[tuple[float, float, str]]
    pictures: bytes = b''
    picture_sec: Sequence[float] = ()
    left_out: str | None = None


def write_contact_sheet(
    out_path: str | os.PathLike[str],
    *,
    title: str,
    tables: Mapping[str, Numbers],
    videos: Sequence[SheetVideo],
    notes: Sequence[str] = (),
) -> Path:
    """Write a page that works from a folder or a mail, without a network.

    Text is escaped, and a content policy forbids the page to fetch anything or to run any other
    script than its own.

    Args:
        out_path: An ``.html`` file, overwritten.
        title: Of the page.
        tables: Numbers to show, by the title of their table.
        videos: Pictures and captions, in this order.
        notes: What a reader must know first.

    Returns:
        The path of the page.
    """
    page = PAGE.format(
        policy=own_script_only(SCRIPT, images='data:'),
        title=escape(title),
        style=STYLE,
        script=SCRIPT,
        notes=''.join(f'<li>{escape(note)}</li>' for note in notes),
        tables='\n'.join(_table(name, numbers) for name, numbers in tables.items()),
        videos='\n'.join(map(_video, videos)),
        count=len(videos),
    )
    return write_atomically(Path(out_path), page.encode(errors='replace'))


def _table(name: str, numbers: Numbers) -> str:
    rows = ''.join(
        f'<tr><th scope="row">{escape(key)}</th><td>{_shown(value)}</td></tr>'
        for key, value in numbers.items()
    )
    return f'<table><caption>{escape(name)}</caption><tbody>{rows}</tbody></table>'


def _shown(value: str | float | int) -> str:
    return escape(value) if isinstance(value, str) else f'{value:,}'


def _video(video: SheetVideo) -> str:
    return VIDEO.format(
        kind='left' if video.left_out else 'used',
        name=escape(video.video_id),
        facts=escape(f'left out: {video.left_out}' if video.left_out else video.facts),
        strip=_strip(video),
        count=len(video.captions),
        captions=_captions(video.captions),
    )


def _strip(video: SheetVideo) -> str:
    """Return the pictures, and below each its time and what is said then."""
    if not video.pictures:
        return ''
    image = base64.b64encode(video.pictures).decode()
    cells = ''.join(
        f'<div><b>{format_clock(time_sec)}</b> {escape(_said(video.captions, time_sec))}</div>'
        for time_sec in video.picture_sec
    )
    count = len(video.picture_sec)
    return (
        f'<div class="strip" style="--count:{count}"><img alt="" loading="lazy" '
        f'src="data:image/jpeg;base64,{image}"><div class="said">{cells}</div></div>'
    )


def _said(captions: Sequence[tuple[float, float, str]], time_sec: float) -> str:
    return next((text for start, end, text in captions if start <= time_sec < end), '')


def _captions(captions: Sequence[tuple[float, float, str]]) -> str:
    rows = ''.join(
        f'<tr><td>{format_clock(start)}–{format_clock(end)}</td><td>{escape(text)}</td></tr>'
        for start, end, text in captions[:MAX_CAPTIONS]
    )
    more = len(captions) - MAX_CAPTIONS
    return rows + (f'<tr><td></td><td>and {more} more</td></tr>' if more > 0 else '')
