"""The tab that searches an index; a moment that is pressed opens in the other tab."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stgr.apis.user_errors import is_user_error, one_line
from stgr.demo_page.ask_tab import CHOSEN, AskTab
from stgr.demo_page.desk import GoneError
from stgr.demo_page.gradio_parts import ONE_AT_A_TIME, add_html, import_gradio, say, told
from stgr.demo_page.view import Json

if TYPE_CHECKING:
    from stgr.demo_page.library import LibrarySearch

MOST_MOMENTS = 50


def add_search_tab(ask: AskTab, library: 'LibrarySearch', tabs: Any) -> None:
    """Add the tab's components to the tab that is open, and connect them.

    Args:
        ask: The other tab, which shows a moment's video; it is added already.
        library: What is searched.
        tabs: Both tabs, ``ask`` being the other's id.
    """
    fields = _fields(library)
    fields['search'].click(
        _searching(library),
        [fields[name] for name in ('queries', 'top', 'everything')],
        [fields[name] for name in ('said', 'moments', 'file')],
        trigger_mode='always_last',
        show_progress_on=fields['moments'],
        **ONE_AT_A_TIME,
    )
    fields['moments'].select(
        _opening(ask, library),
        None,
        [
            fields['said'],
            tabs,
            *(ask.fields[name] for name in ('queries', 'pick', 'upload', *CHOSEN)),
        ],
        show_progress_on=fields['moments'],
        **ONE_AT_A_TIME,
    )


def _fields(library: 'LibrarySearch') -> Json:
    gr, manifest = import_gradio(), library.index.manifest
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            queries = gr.Textbox(
                label='What to look for', info='one query per line', lines=3,
                elem_id='search-queries', placeholder='crack an egg',
            )  # fmt: skip
            said = gr.HTML('', elem_id='search-said', elem_classes='said', container=False)
            top = gr.Slider(
                1, MOST_MOMENTS, value=10, step=1, label='Moments of a query', elem_id='top'
            )
            everything = gr.Checkbox(
                label='Show the best even below the threshold', elem_id='everything'
            )
            search = gr.Button('Search', variant='primary', elem_id='search')
            gr.Markdown(f'Indexed videos: {len(manifest.videos)}; frames: {manifest.num_frames}.')
        with gr.Column(scale=5, min_width=480):
            moments = add_html({}, 'moments')
            file = gr.File(label='Download', interactive=False, visible=False, elem_id='found')
    return {
        'queries': queries, 'said': said, 'top': top, 'everything': everything, 'search': search,
        'moments': moments, 'file': file,
    }  # fmt: skip


def _searching(library: 'LibrarySearch') -> Callable[..., list[Any]]:
    """Return what happens when the button is pressed."""
    gr = import_gradio()

    def find(
        texts: str, most: float, below: bool, progress: Any = gr.Progress()  # noqa: B008
    ) -> list[Any]:  # fmt: skip
        asked = [line.strip() for line in texts.splitlines() if line.strip()]
        try:
            view, path = library.search(
                asked, top=int(most), everything=below, progress=told(progress, 'looking')
            )
        except Exception as error:
            if not is_user_error(error):
                raise
            return [say(one_line(error)), gr.skip(), gr.skip()]
        return ['', view, gr.update(value=str(path), visible=True)]

    return find


def _opening(ask: AskTab, library: 'LibrarySearch') -> Callable[..., list[Any]]:
    """Return what happens when a moment is pressed."""
    gr = import_gradio()

    def show(event: gr.EventData, progress: Any = gr.Progress()) -> list[Any]:  # type: ignore[name-defined]  # noqa: B008
        try:
            moment = library.moment(event._data['key'])
        except GoneError as error:
            return [say(one_line(error)), *[gr.skip()] * (4 + len(CHOSEN))]
        chosen = ask.choose(str(moment.path), progress, Path, start_sec=moment.start_sec)
        return ['', gr.update(selected='ask'), event._data['query'], None, None, *chosen]

    return show
