"""The page around the sections: one file, nothing fetched, readable without scripts."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from stgr.io.atomic import write_atomically
from stgr.visualization.content_policy import own_script_only
from stgr.visualization.evaluation_report.markup import clean
from stgr.visualization.evaluation_report.page_style import PAGE, SCRIPT, STYLE


@dataclass(frozen=True)
class Section:
    """One part of the page.

    Args:
        title: Its heading, also in the list of contents.
        intro: What is seen and how it is read, a text.
        content: Markup.
    """

    title: str
    intro: str
    content: str


def write_page(
    out_path: str | os.PathLike[str], *, title: str, facts: str, sections: Sequence[Section]
) -> Path:
    """Write the page, whole or not at all.

    Args:
        out_path: An ``.html`` file, overwritten; its folder must be there.
        title: Text above all.
        facts: Text below it.
        sections: In order.

    Returns:
        The path of the page.
    """
    contents = ''.join(
        f'<a href="#s{i}">{escape(section.title)}</a>' for i, section in enumerate(sections)
    )
    body = '\n'.join(
        f'<section id="s{i}"><h2>{escape(section.title)}</h2>'
        f'<p class="intro">{escape(section.intro)}</p>{section.content}</section>'
        for i, section in enumerate(sections)
    )
    page = PAGE.format(
        policy=own_script_only(SCRIPT, images='data:'),
        title=clean(title, 200),
        facts=escape(facts),
        contents=contents,
        body=body,
        style=STYLE,
        script=SCRIPT,
    )
    return write_atomically(out_path, page.encode('utf-8', 'replace'))
