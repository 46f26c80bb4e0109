"""The tab that searches an index; a moment that is pressed opens in the other tab."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stgr.apis.user_errors import is_user_error, one_line
from stgr.demo_page.desk import GoneError
from stgr.demo_page.page import CHOSEN, ONE_AT_A_TIME, import_gradio, say, told
from stgr.demo_page.view import Json

if TYPE_CHECKING:
    from stgr.demo_page.library import LibrarySearch
    from stgr.demo_page.page import DemoPage

MOST_MOMENTS = 50


def add_search_tab(page: 'DemoPage', library: 'LibrarySearch', ask: Json, tabs: Any) -> None:
    """Add the tab's components to the tab that is open, and connect them.

    Args:
        page: What shows a moment's video.
        library: What is searched.
        ask: The components of the other tab by name.
        tabs: Both tabs, ``ask`` being the other's id.
    """
    fields = _fields(page, library)
    fields['search'].click(
        _searching(library),
        [fields[name] for name in ('queries', 'top', 'everything')],
        [fields[name] for name in ('said', 'moments', 'file')],
        trigger_mode='always_last',
        show_progress_on=fields['moments'],
        **ONE_AT_A_TIME,
    )
    fields['moments'].select(
        _opening(page, library),
        None,
        [fields['said'], tabs, *(ask[name] for name in ('queries', 'pick', 'upload', *CHOSEN))],
        show_progress_on=fields['moments'],
        **ONE_AT_A_TIME,
    )


def _fields(page: 'DemoPage', library: 'LibrarySearch') -> Json:
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
            moments = page.add_html({}, 'moments')
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


def _opening(page: 'DemoPage', library: 'LibrarySearch') -> Callable[..., list[Any]]:
    """Return what happens when a moment is pressed."""
    gr = import_gradio()

    def show(event: gr.EventData, progress: Any = gr.Progress()) -> list[Any]:  # type: ignore[name-defined]  # noqa: B008
        try:
            moment = library.moment(event._data['key'])
        except GoneError as error:
            return [say(one_line(error)), *[gr.skip()] * (4 + len(CHOSEN))]
        chosen = page.choose(str(moment.path), progress, Path, start_sec=moment.start_sec)
        return ['', gr.update(selected='ask'), event._data['query'], None, None, *chosen]

    return show
