"""The page's fields and what happens when they are used; Gradio draws them."""

import functools
from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stgr.apis.user_errors import is_user_error, one_line
from stgr.demo_page.desk import Answer, GoneError, GroundingDesk, ShownVideo
from stgr.demo_page.videos import VIDEO_ENDINGS, VideoFolder, describe_trouble
from stgr.demo_page.view import Json, view_answer, view_spans, view_video
from stgr.io.errors import VideoError
from stgr.visualization.curve_script import CURVE_SCRIPT

if TYPE_CHECKING:
    from stgr.demo_page.library import LibrarySearch

ASSETS = Path(__file__).parent / 'assets'
RESULTS = ('viewer', 'files', 'overlay', 'answer')
CHOSEN = ('video', 'video_said', *RESULTS)
ONE_AT_A_TIME = {
    'concurrency_limit': 1, 'concurrency_id': 'model', 'api_visibility': 'private',
}  # fmt: skip
ALONE, POOL = 'each alone', 'as a pool'
NO_VIDEO = 'choose a video and wait until it is shown'


def import_gradio() -> Any:
    """Return the ``gradio`` module, imported on first use.

    Raises:
        ImportError: If it is not installed; the message is the command that installs it.
    """
    try:
        import gradio
    except ImportError as error:
        raise ImportError(
            f"stgr demo needs Gradio ({error}); install it with: pip install 'stgr[demo]'"
        ) from error
    return gradio


class DemoPage:
    """Builds the page and answers its events.

    Every event returns what its fields show next; a mistake becomes a message beside the field it
    was made in, in the words of the exception.

    Args:
        desk: Does the work.
        folder: The videos offered.
        library: The index that can be searched; None: there is no such tab.
    """

    def __init__(
        self, desk: GroundingDesk, folder: VideoFolder, library: 'LibrarySearch | None' = None
    ) -> None:
        self.desk = desk
        self.folder = folder
        self.library = library
        self._gradio = import_gradio()

    def build(self) -> Any:
        """Return the page, a ``gradio.Blocks``."""
        gr = self._gradio
        with gr.Blocks(title='stgr demo', analytics_enabled=False) as blocks:
            gr.HTML(self._title(), elem_id='title')
            if self.library is None:
                self._ask()
            else:
                from stgr.demo_page.search_tab import add_search_tab

                with gr.Tabs() as tabs:
                    with gr.Tab('Ask about a video', id='ask'):
                        fields = self._ask()
                    with gr.Tab('Search the library', id='search'):
                        add_search_tab(self, self.library, fields, tabs)
        return blocks

    def _ask(self) -> Json:
        """Add what asks about one video; return its components by name."""
        gr = self._gradio
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                fields = self._fields()
            with gr.Column(scale=5, min_width=480):
                fields['viewer'] = self.add_html({}, 'viewer', [self.spans_at])
                fields['files'] = gr.File(
                    label='Downloads', file_count='multiple', interactive=False, visible=False,
                    elem_id='files',
                )  # fmt: skip
                fields['overlay'] = gr.Button(
                    'Write overlay.mp4', size='sm', visible=False, elem_id='overlay'
                )
        self._connect(fields)
        return fields

    def spans_at(self, asked: Json) -> Json:
        """Return the spans of an answer at another threshold, or why there are none."""
        try:
            return {'spans': view_spans(self.desk.spans_at(asked['answer'], asked['threshold']))}
        except (GoneError, KeyError, TypeError, ValueError) as error:
            return {'trouble': one_line(error)}

    def _title(self) -> str:
        facts = self.desk.grounder.facts
        notice = f'<p class="notice">Note: {escape(facts.notice)}</p>' if facts.notice else ''
        return (
            '<h1>When and where does it happen?</h1>'
            f'<p>Model {escape(facts.name)}. Nothing leaves this computer.</p>{notice}'
        )

    def _fields(self) -> dict[str, Any]:
        gr = self._gradio
        names, root = self.folder.names(), self.folder.root
        said = {'elem_classes': 'said', 'container': False}
        pick = gr.Dropdown(
            names, value=None, label='Pick a video', visible=bool(names), elem_id='pick',
            info=f'{len(names)} in {root.name}' if root else None,
        )  # fmt: skip
        upload = gr.File(
            label='Or upload one' if names else 'Upload a video', elem_id='upload', height=150,
            file_types=['video', *VIDEO_ENDINGS],
        )  # fmt: skip
        video_said = gr.HTML('', elem_id='video-said', **said)
        queries = gr.Textbox(
            label='Queries', info='one per line', lines=5, elem_id='queries',
            placeholder='crack an egg\npour milk',
        )  # fmt: skip
        queries_said = gr.HTML('', elem_id='queries-said', **said)
        mode = gr.Radio(
            [ALONE, POOL], value=ALONE, label='Judge the queries', elem_id='mode',
            info='alone against background, or as a pool of which each moment shows one at most',
        )  # fmt: skip
        find = gr.Button('Find', variant='primary', elem_id='find')
        return {
            'pick': pick, 'upload': upload, 'video_said': video_said, 'queries': queries,
            'queries_said': queries_said, 'mode': mode, 'find': find, 'video': gr.State(),
            'answer': gr.State(),
        }  # fmt: skip

    def add_html(self, value: Json, name: str, functions: Sequence[Callable[..., Any]] = ()) -> Any:
        """Add a component of our own, of the three files of its name.

        Args:
            value: What it shows at first.
            name: Of its files and its element.
            functions: What its script may call, by their names.
        """
        html, css, js = (
            (ASSETS / f'{name}.{kind}').read_text(encoding='utf-8')
            for kind in ('html', 'css', 'js')
        )
        return self._gradio.HTML(
            value,
            html_template=html,
            css_template=css,
            js_on_load=CURVE_SCRIPT + js,
            apply_default_css=False,
            server_functions=[_plain(function) for function in functions],
            elem_id=name,
        )

    def _connect(self, fields: Json) -> None:
        gr = self._gradio
        viewer, files, overlay = fields['viewer'], fields['files'], fields['overlay']
        model = {**ONE_AT_A_TIME, 'show_progress_on': viewer}
        results = [fields[name] for name in RESULTS]

        def upload(file: str | None, progress: Any = gr.Progress()) -> list[Any]:  # noqa: B008
            return [None, *self.choose(file, progress, Path)]

        def pick(name: str | None, progress: Any = gr.Progress()) -> list[Any]:  # noqa: B008
            return [None, *self.choose(name, progress, self.folder.file)]

        def find(
            video: str | None, texts: str, mode: str, progress: Any = gr.Progress()  # noqa: B008
        ) -> list[Any]:  # fmt: skip
            shown, video_said, queries_said = self._find(video, texts, mode, progress)
            return [video_said, queries_said, *(shown or [gr.skip()] * 4)]

        def move(event: gr.EventData) -> list[Any]:  # type: ignore[name-defined]  # Gradio asks
            try:
                answer = self.desk.move(event._data['answer'], event._data['threshold'])
                return ['', *self._shown(answer)]
            except (GoneError, OSError, ValueError) as error:
                return [say(one_line(error)), *[gr.skip()] * 4]

        def write_overlay(key: str | None) -> list[Any]:
            try:
                written = self.desk.files(self.desk.answer(key or ''), overlay=True)
            except (GoneError, OSError, ValueError) as error:
                return [say(one_line(error)), gr.skip(), gr.skip()]
            return ['', [str(file) for file in written], gr.update(visible=False)]

        chosen = [fields[name] for name in CHOSEN]
        fields['upload'].upload(upload, fields['upload'], [fields['pick'], *chosen], **model)
        fields['upload'].clear(lambda: None, None, fields['video'], api_visibility='private')
        fields['pick'].input(pick, fields['pick'], [fields['upload'], *chosen], **model)
        fields['find'].click(
            find,
            [fields['video'], fields['queries'], fields['mode']],
            [fields['video_said'], fields['queries_said'], *results],
            trigger_mode='always_last',  # a press while the last question is answered counts
            **model,
        )
        viewer.release(
            move, None, [fields['queries_said'], *results], trigger_mode='always_last',
            show_progress='hidden', **model,
        )  # fmt: skip
        overlay.click(
            write_overlay,
            fields['answer'],
            [fields['queries_said'], files, overlay],
            **{**model, 'show_progress_on': files},
        )

    def choose(
        self, name: str | None, progress: Any, find: Callable[[str], Path], start_sec: float = 0.0
    ) -> list[Any]:
        """Return what the fields ``CHOSEN`` become once a video is chosen; see ``show``."""
        video, said = self.show(name, progress, find)
        view = self._gradio.skip() if video is None else view_video(video, start_sec=start_sec)
        return [video.key if video else None, said, view, *self._no_files()]

    def show(
        self, name: str | None, progress: Any, find: Callable[[str], Path]
    ) -> tuple[ShownVideo | None, str]:
        """Return a chosen video, or what to say beside the field.

        Args:
            name: What was chosen; None: nothing.
            progress: Gradio's.
            find: Gives the file of the name, or raises ``VideoError``.
        """
        if not name:
            return None, say(NO_VIDEO)
        file = Path(name)
        try:
            file = find(name)
            return self.desk.show(file, progress=told(progress, 'converting')), ''
        except VideoError as error:
            return None, say(describe_trouble(error, file), about=file.name)
        except OSError as error:
            return None, say(one_line(error))

    def _find(
        self, key: str | None, texts: str, mode: str, progress: Any
    ) -> tuple[list[Any] | None, str, str]:
        """Return what ``_shown`` does, or what to say beside the video and beside the queries."""
        queries = [line.strip() for line in texts.splitlines() if line.strip()]
        video_said = queries_said = ''
        video = None
        try:
            video = self.desk.shown(key) if key else None
            video_said = say(NO_VIDEO) if video is None else ''
        except GoneError as error:
            video_said = say(one_line(error))
        try:
            self.desk.grounder.inferencer.check(queries)
        except ValueError as error:
            queries_said = say(one_line(error))
        if video is None or queries_said:
            return None, video_said, queries_said
        try:
            encoding = told(progress, 'encoding the video')
            answer = self.desk.ask(video, queries, exclusive=mode == POOL, progress=encoding)
            return self._shown(answer), '', ''
        except VideoError as error:
            return None, say(describe_trouble(error, video.path), about=video.path.name), ''
        except Exception as error:
            if not is_user_error(error):
                raise
            return None, '', say(one_line(error))

    def _shown(self, answer: Answer) -> list[Any]:
        """Return what viewer, downloads, button and state become."""
        update = self._gradio.update
        own = self.desk.grounder.inferencer.settings(exclusive=answer.exclusive)['threshold']
        files = [str(file) for file in self.desk.files(answer)]
        return [
            view_answer(answer, calibrated=float(own or 0.0)),
            update(value=files, visible=True),
            update(visible=True),
            answer.key,
        ]

    def _no_files(self) -> list[Any]:
        update = self._gradio.update
        return [update(value=None, visible=False), update(visible=False), None]


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function in place of a method: Gradio marks what it is given, by an attribute."""

    @functools.wraps(function)
    def call(*given: Any) -> Any:
        return function(*given)

    return call


def say(message: str, *, about: str = '') -> str:
    """Return a message for the place beside a field, read out by screen readers.

    It gets a capital, unless it begins with the name of the file it is about.
    """
    named = about and message.startswith(about)
    return f'<p role="alert">{escape(message if named else message[:1].upper() + message[1:])}</p>'


def told(progress: Any, what: str) -> Callable[[Iterable[Any], int], Iterable[Any]]:
    """Return a wrapper of iterables that tells Gradio how far they have come."""

    def wrap(items: Iterable[Any], total: int) -> Iterable[Any]:
        for done, item in enumerate(items):
            progress(done / max(total, 1), desc=what)
            yield item

    return wrap
