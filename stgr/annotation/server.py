"""The annotation page's server: this machine only, one secret address, nothing but what is listed.

A page elsewhere in the browser cannot read the secret in the address; for the rest of what keeps
it out see ``stgr.io.json_http``.
"""

import hmac
import re
import secrets
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from stgr.annotation.answers import Answer, check_annotator
from stgr.annotation.desk import AnnotationDesk
from stgr.annotation.frames import FramePictures
from stgr.annotation.work import WorkVideo
from stgr.io.json_http import JsonHandler, RefusalError, as_json, field, free_port

PAGE_DIR = Path(__file__).resolve().parent / 'page'
PAGE_FILES = {
    '': ('index.html', 'text/html; charset=utf-8'),
    'page.css': ('page.css', 'text/css; charset=utf-8'),
    'icon.svg': ('icon.svg', 'image/svg+xml'),
    'page.js': ('page.js', 'text/javascript; charset=utf-8'),
}
_FRAME = re.compile(r'frame/(\d{1,6})/(\d{1,7})\.jpg')
_WORK = re.compile(r'work/([^/]{1,60})')
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class AnnotationServer(ThreadingHTTPServer):
    """Serves the annotation page on 127.0.0.1.

    Args:
        folder: Where the clicks go.
        videos: What is annotated.
        annotator: The only one who may answer; None: the page asks for a name.
        port: TCP port; 0: a free one.

    Raises:
        OSError: If the port is taken.
        ValueError: If the annotator's name cannot be a folder.
    """

    daemon_threads = True
    request_queue_size = 64  # connections that wait their turn; 5 by default, the rest is dropped

    def __init__(
        self, folder: Path, videos: list[WorkVideo], *, annotator: str | None = None, port: int = 0
    ) -> None:
        self.annotator = None if annotator is None else check_annotator(annotator)
        self.desk = AnnotationDesk(folder, videos)
        self.pictures = FramePictures(videos)
        self.token = secrets.token_urlsafe(16)
        super().__init__(('127.0.0.1', free_port(port)), _Handler)

    @property
    def url(self) -> str:
        """The address of the page, secret included."""
        return f'http://127.0.0.1:{self.server_port}/{self.token}/'

    @property
    def own_hosts(self) -> set[str]:
        """What a browser that means this server sends as ``Host``."""
        return {f'{name}:{self.server_port}' for name in ('127.0.0.1', 'localhost')}


class _Handler(JsonHandler):
    server: AnnotationServer

    def get(self) -> tuple[bytes, str]:
        return self._get(self._place())

    def post(self) -> tuple[bytes, str]:
        return self._post(self._place())

    def _place(self) -> str:
        """Return what stands behind the secret in the address, once the request may be answered."""
        self.check_host()
        token, slash, place = self.path.removeprefix('/').partition('/')
        if not slash or not hmac.compare_digest(token.encode(), self.server.token.encode()):
            raise RefusalError(HTTPStatus.FORBIDDEN, 'wrong address; open the one that was printed')
        return place.partition('?')[0]

    def _get(self, place: str) -> tuple[bytes, str]:
        if place in PAGE_FILES:
            name, kind = PAGE_FILES[place]
            return (PAGE_DIR / name).read_bytes(), kind
        if frame := _FRAME.fullmatch(place):
            return self.server.pictures.jpeg(int(frame[1]), int(frame[2])), 'image/jpeg'
        if place == 'who':
            return as_json({'annotator': self.server.annotator})
        if work := _WORK.fullmatch(place):
            return as_json(self.server.desk.work(self._allowed(unquote(work[1]))))
        raise LookupError('nothing here')

    def _post(self, place: str) -> tuple[bytes, str]:
        asked = self.read_body()
        if place not in ('save', 'undo'):
            raise LookupError('nothing here')
        annotator = self._allowed(field(asked, 'annotator', str))
        video_idx = field(asked, 'video', int)
        if place == 'undo':
            return as_json(self.server.desk.undo(annotator, video_idx))
        answer = Answer(
            field(asked, 'step', int),
            field(asked, 'second', int),
            field(asked, 'status', str),
            None if asked.get('x') is None else (_coordinate(asked, 'x'), _coordinate(asked, 'y')),
        )
        return as_json(self.server.desk.save(annotator, video_idx, answer))

    def _allowed(self, annotator: str) -> str:
        if self.server.annotator not in (None, annotator):
            raise RefusalError(
                HTTPStatus.FORBIDDEN, f'this page is for annotator {self.server.annotator}'
            )
        return check_annotator(annotator)

    def more_headers(self, kind: str) -> dict[str, str]:
        headers = {
            'Content-Security-Policy': _POLICY,
            'Referrer-Policy': 'no-referrer',  # the address holds the secret
        }
        if kind == 'image/jpeg':
            headers['Cache-Control'] = 'private, max-age=3600'
        return headers


def _coordinate(asked: dict[str, Any], name: str) -> float:
    value = asked.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f'{name} must be a number, but got {value!r}'[:200])
    if not abs(value) < 1e6:  # NaN too, and whole numbers that no float holds
        raise ValueError(f'{name} lies outside any frame')
    return round(float(value), 1)
