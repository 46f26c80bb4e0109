"""The page: what asks about one video and, if there is an index, what searches it."""

from html import escape
from typing import TYPE_CHECKING, Any

from stgr.demo_page.ask_tab import AskTab
from stgr.demo_page.gradio_parts import import_gradio
from stgr.demo_page.search_tab import add_search_tab

if TYPE_CHECKING:
    from stgr.demo_page.library import LibrarySearch
    from stgr.structures import ModelFacts


def build_page(ask: AskTab, library: 'LibrarySearch | None' = None) -> Any:
    """Return the page, a ``gradio.Blocks``.

    Args:
        ask: What asks about one video.
        library: The index that can be searched; None: there is no such tab.
    """
    gr = import_gradio()
    with gr.Blocks(title='stgr demo', analytics_enabled=False) as blocks:
        gr.HTML(_title(ask.desk.grounder.facts), elem_id='title')
        if library is None:
            ask.add()
        else:
            with gr.Tabs() as tabs:
                with gr.Tab('Ask about a video', id='ask'):
                    ask.add()
                with gr.Tab('Search the library', id='search'):
                    add_search_tab(ask, library, tabs)
    return blocks


def _title(facts: 'ModelFacts') -> str:
    notice = f'<p class="notice">Note: {escape(facts.notice)}</p>' if facts.notice else ''
    return (
        '<h1>When and where does it happen?</h1>'
        f'<p>Model {escape(facts.name)}. Nothing leaves this computer.</p>{notice}'
    )
