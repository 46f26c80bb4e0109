"""Serving the page: this machine only, no network, no file that nobody chose."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from stgr.apis.grounder import Grounder
from stgr.demo_page.ask_tab import AskTab
from stgr.demo_page.desk import GoneError, GroundingDesk
from stgr.demo_page.gradio_parts import ASSETS, import_gradio
from stgr.demo_page.library import LibrarySearch
from stgr.demo_page.page import build_page
from stgr.demo_page.videos import VideoFolder
from stgr.demo_page.view import VIDEO_PLACE
from stgr.io.json_http import free_port

if TYPE_CHECKING:
    from types import TracebackType

    from stgr.search import SearchIndex

MAX_UPLOAD = '4gb'
LOCAL_NAMES = {'127.0.0.1', 'localhost'}
# Gradio compiles templates and event code in the browser, hence unsafe-eval.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "media-src 'self' blob:; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; "
    "base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
)
_ENVIRONMENT = {'GRADIO_ANALYTICS_ENABLED': 'False', 'HF_HUB_DISABLE_TELEMETRY': '1'}


class DemoServer:
    """Serves the page on 127.0.0.1; a context manager that leaves no file behind.

    Args:
        grounder: The model.
        videos: Folder of videos to pick from; None: uploads only.
        index: What can be searched, of the same model; None: nothing.
        port: TCP port; 0: a free one.

    Raises:
        ImportError: If Gradio is not installed.
        NotADirectoryError: If ``videos`` is no folder.
        OSError: If the port is taken.
    """

    def __init__(
        self,
        grounder: Grounder,
        *,
        videos: str | Path | None = None,
        index: 'SearchIndex | None' = None,
        port: int = 0,
    ) -> None:
        self.grounder = grounder
        self.folder = VideoFolder(videos)
        self.index = index
        self.port = port
        self.url = ''
        self._open = ExitStack()
        self._blocks: Any = None

    def __enter__(self) -> 'DemoServer':
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix='stgr-demo-')))
            stack.enter_context(_environment(GRADIO_TEMP_DIR=str(folder), **_ENVIRONMENT))
            self.desk = stack.enter_context(GroundingDesk(self.grounder, folder))
            library = None if self.index is None else LibrarySearch(self.index, folder)
            self._blocks = build_page(AskTab(self.desk, self.folder), library)
            stack.callback(self._blocks.close, verbose=False)
            self._launch()
            self._open = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: 'TracebackType | None',
    ) -> None:
        self._open.close()

    def _launch(self) -> None:
        from starlette.middleware import Middleware

        _, self.url, _ = self._blocks.queue(max_size=20).launch(
            server_name='127.0.0.1',
            server_port=free_port(self.port),
            prevent_thread_lock=True,
            share=False,
            quiet=True,
            inbrowser=False,
            footer_links=[],
            max_file_size=MAX_UPLOAD,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            enable_monitoring=False,
            theme=_theme(),
            css_paths=[ASSETS / 'page.css'],
            app_kwargs={
                'routes': [video_route(self.desk)],
                'middleware': [Middleware(LocalOnly)],
                'docs_url': None,
                'redoc_url': None,
                'openapi_url': None,
            },
        )


def _theme() -> Any:
    """Return the looks: fonts of the system, so that none is fetched, and text that can be read."""
    themes = import_gradio().themes
    fonts = {'font': ['system-ui', 'sans-serif'], 'font_mono': ['ui-monospace', 'monospace']}
    grey, light = '*neutral_600', '*neutral_300'
    return themes.Default(primary_hue='blue', **fonts).set(
        body_text_color_subdued=grey,
        body_text_color_subdued_dark=light,
        block_info_text_color=grey,
        block_info_text_color_dark=light,
        block_title_text_color='*neutral_900',
        block_title_text_color_dark='*neutral_50',
        block_title_text_weight='600',
        block_label_text_color='*neutral_900',
        block_label_text_color_dark='*neutral_50',
        input_placeholder_color='*neutral_500',
        input_placeholder_color_dark='*neutral_400',
        button_primary_background_fill='*primary_700',
        button_primary_background_fill_dark='*primary_700',
        button_primary_background_fill_hover='*primary_800',
        button_primary_background_fill_hover_dark='*primary_600',
    )


class LocalOnly:
    """Lets pages of this machine in and nothing out: an ASGI middleware.

    A page elsewhere in the browser can send requests to 127.0.0.1: the origin it then states is
    refused, and so is a name of its own that resolves to 127.0.0.1 (DNS rebinding). The browser is
    told to fetch from this server only; addresses that Gradio would fetch for it are refused.

    Args:
        app: What answers.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request, or refuse it."""
        from starlette.datastructures import Headers, MutableHeaders
        from starlette.responses import PlainTextResponse

        if scope['type'] != 'http':
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get('origin')
        hosts = [f'http://{headers.get("host", "")}', *([] if origin is None else [origin])]
        if not all(is_local(host) for host in hosts):
            refusal = PlainTextResponse('this page answers to 127.0.0.1 only', 403)
            await refusal(scope, receive, send)
            return
        if any(mark in scope['path'] for mark in ('/file=http:', '/file=https:', '/proxy=')):
            await PlainTextResponse('nothing is fetched from elsewhere', 403)(scope, receive, send)
            return

        async def send_with_policy(message: Any) -> None:
            if message['type'] == 'http.response.start':
                answer = MutableHeaders(scope=message)
                answer['Content-Security-Policy'] = POLICY
                answer['Referrer-Policy'] = 'no-referrer'
                answer['X-Content-Type-Options'] = 'nosniff'
            await send(message)

        await self.app(scope, receive, send_with_policy)


def is_local(url: str) -> bool:
    """Return whether an origin is a server on this machine."""
    try:
        return urlsplit(url).hostname in LOCAL_NAMES
    except ValueError:
        return False


def video_route(desk: GroundingDesk) -> Any:
    """Return the route that hands out the videos that were chosen, by key; no other file.

    Args:
        desk: Knows them.
    """
    from starlette.requests import Request
    from starlette.responses import FileResponse, PlainTextResponse, Response
    from starlette.routing import Route

    async def video(request: Request) -> Response:
        try:
            file = desk.shown(request.path_params['key']).playable
        except GoneError as error:
            return PlainTextResponse(str(error), 404)
        if not file.is_file():
            return PlainTextResponse('the video is not there any more', 404)
        kind = 'video/webm' if file.suffix.lower() in ('.webm', '.mkv') else 'video/mp4'
        return FileResponse(file, media_type=kind)  # answers ranges, so that players can jump

    return Route(f'{VIDEO_PLACE}/{{key}}', video)


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Set environment variables for the block; Gradio takes some settings only so."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
