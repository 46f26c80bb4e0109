"""One HTML file with the moments of a search: pictures, times and places, without a network."""

import base64
import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

import numpy as np

from stgr.io.atomic import write_atomically
from stgr.search.answer_files import where
from stgr.search.answers import Moment, SearchAnswer
from stgr.search.manifest import Manifest
from stgr.structures import ModelFacts
from stgr.visualization.common import format_clock
from stgr.visualization.content_policy import own_script_only
from stgr.visualization.page_head import PAGE_HEAD

JPEG_QUALITY = 80
STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8882; }
* { box-sizing: border-box; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 1200px; padding: 1rem; }
h1 { font-size: 1.3rem; margin: 0 0 .2rem; }
h2 { border-top: 1px solid var(--line); font-size: 1.1rem; margin: 1.2rem 0 .2rem;
  overflow-wrap: anywhere; padding-top: .8rem; }
.facts { margin: 0 0 .8rem; opacity: .8; overflow-wrap: anywhere; }
.notice { background: #ffd24d; border: 3px solid #b35900; border-radius: .3rem; color: #3d1f00;
  font-size: 1.1rem; font-weight: 600; margin: 0 0 1rem; padding: .7rem 1rem; }
.missed { font-weight: 600; }
ol { display: grid; gap: .8rem; grid-template-columns: repeat(auto-fill, minmax(210px, 1fr));
  list-style: none; margin: .6rem 0 0; padding: 0; }
li { background: var(--soft); border: 1px solid var(--line); border-radius: .3rem;
  overflow: hidden; overflow-wrap: anywhere; }
li.below { opacity: .7; }
img, .blank { aspect-ratio: 4 / 3; background: #000; display: block; object-fit: contain;
  width: 100%; }
.blank { align-items: center; color: #ddd; display: flex; font-size: .85rem; padding: .6rem;
  text-align: center; }
.text { padding: .4rem .6rem .5rem; }
.text div { font-size: .88rem; opacity: .85; }
a { color: inherit; font-variant-numeric: tabular-nums; font-weight: 600; }
:focus-visible { outline: 3px solid #1a73e8; outline-offset: -3px; }
"""
PAGE = (
    PAGE_HEAD
    + """<body>
<main>
<h1>{title}</h1>
<p class="facts">{facts}</p>
{notice}
{sections}
</main>
</body>
</html>
"""
)


def write_page(
    path: Path, answers: Sequence[SearchAnswer], manifest: Manifest, facts: ModelFacts
) -> Path:
    """Write a page of answers; a time on it opens its video there.

    Texts and names are escaped, and a content policy forbids the page to fetch anything or to run
    any script. Videos are linked by their path from the page.

    Args:
        path: An ``.html`` file, overwritten.
        answers: What was found.
        manifest: Where.
        facts: By which model.
    """
    found = sum(answer.found for answer in answers)
    length = format_clock(manifest.num_frames / manifest.rate_fps)
    notice = facts.notice and f'<div class="notice" role="alert">⚠ {escape(facts.notice)}</div>'
    page = PAGE.format(
        policy=own_script_only('', images='data:'),
        title=f'{found} of {len(answers)} queries found',
        facts=escape(
            f'{len(manifest.videos)} videos, {length}'
            f' indexed at {manifest.rate_fps:g} fps · {manifest.kind} search'
            f'{_recall(manifest)} · model {facts.name} · {manifest.root}'
        ),
        notice=notice or '',
        sections='\n'.join(_section(answer, path) for answer in answers),
        style=STYLE,
    )
    return write_atomically(path, page.encode('utf-8', 'replace'))


def _recall(manifest: Manifest) -> str:
    if manifest.recall is None:
        return ''
    return f', recall@{manifest.recall_at} {manifest.recall:.2f}'


def _section(answer: SearchAnswer, page: Path) -> str:
    cards = '\n'.join(_card(moment, answer.query, page) for moment in answer.moments)
    verdict = (
        f'threshold {answer.threshold:.3f}'
        if answer.found
        else f'<span class="missed">not found</span>: best similarity {answer.best_score:.3f}, '
        f'threshold {answer.threshold:.3f}'
    )
    return (
        f'<section><h2>{escape(answer.query)}</h2><p class="facts">{verdict}</p>'
        f'<ol>{cards}</ol></section>'
    )


def _card(moment: Moment, query: str, page: Path) -> str:
    when = f'{format_clock(moment.start_sec)} – {format_clock(moment.end_sec)}'
    relative = os.path.relpath(moment.path, page.parent)
    address = quote(os.fsencode(Path(relative).as_posix()))  # a name need not be UTF-8
    link = f'{address}#t={moment.start_sec:.2f},{moment.end_sec:.2f}'
    below = '' if moment.found else ' (below the threshold)'
    return (
        f'<li{"" if moment.found else " class=below"}>{_picture(moment, query)}<div class="text">'
        f'<a href="{escape(link)}">{when}</a> · {moment.score:.3f}{below}'
        f'<div>{escape(_place(moment))}</div><div>{escape(moment.video)}</div></div></li>'
    )


def _place(moment: Moment) -> str:
    if moment.place is None:
        return ''
    kind = 'point' if moment.place.box_px is None else 'box'
    return f'{kind} {where(moment.place).removeprefix("at ")} px at {moment.place.time_sec:.1f} s'


def _picture(moment: Moment, query: str) -> str:
    if moment.place is None:
        return f'<div class="blank">{escape(moment.note or "not looked at")}</div>'
    content = base64.b64encode(_jpeg(moment.place.thumbnail)).decode()
    label = escape(f'{query} in {moment.video} at {format_clock(moment.place.time_sec)}')
    return f'<img alt="{label}" src="data:image/jpeg;base64,{content}">'


def _jpeg(picture: np.ndarray) -> bytes:
    import io

    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(picture).save(content, 'JPEG', quality=JPEG_QUALITY)
    return content.getvalue()
