"""The annotation page's server: this machine only, one secret address, nothing but what is listed.

A page elsewhere in the browser can send requests to 127.0.0.1. It cannot read the secret in the
address; a name of its own that resolves to 127.0.0.1 (DNS rebinding) is refused by the ``Host``
header; and what changes something must be JSON, which a foreign page may not send.
"""

import hmac
import json
import re
import secrets
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from stgr.annotation.answers import Answer, check_annotator
from stgr.annotation.desk import AnnotationDesk
from stgr.annotation.frames import FramePictures
from stgr.annotation.work import WorkVideo

PAGE_DIR = Path(__file__).resolve().parent / 'page'
PAGE_FILES = {
    '': ('index.html', 'text/html; charset=utf-8'),
    'page.css': ('page.css', 'text/css; charset=utf-8'),
    'icon.svg': ('icon.svg', 'image/svg+xml'),
    'page.js': ('page.js', 'text/javascript; charset=utf-8'),
}
MAX_BODY_BYTES = 4096
IDLE_SEC = 60
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
        super().__init__(('127.0.0.1', port), _Handler)

    @property
    def url(self) -> str:
        """The address of the page, secret included."""
        return f'http://127.0.0.1:{self.server_port}/{self.token}/'

    @property
    def own_hosts(self) -> set[str]:
        """What a browser that means this server sends as ``Host``."""
        return {f'{name}:{self.server_port}' for name in ('127.0.0.1', 'localhost')}


class _RefusalError(Exception):
    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: AnnotationServer
    protocol_version = 'HTTP/1.1'
    timeout = IDLE_SEC  # a connection that says nothing is closed

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def _answer(self, respond: Any) -> None:
        try:
            content, kind = respond(self._place())
            self._send(HTTPStatus.OK, content, kind)
        except _RefusalError as refusal:
            self._fail(refusal.status, str(refusal))
        except LookupError as error:
            self._fail(HTTPStatus.NOT_FOUND, str(error))
        except ValueError as error:
            self._fail(HTTPStatus.BAD_REQUEST, str(error))
        except OSError as error:
            if isinstance(error, ConnectionError | TimeoutError):
                raise  # nobody is there to be told
            self._fail(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))

    def _place(self) -> str:
        """Return what stands behind the secret in the address, once the request may be answered."""
        if self.headers.get('Host') not in self.server.own_hosts:
            raise _RefusalError(HTTPStatus.FORBIDDEN, 'this server answers to 127.0.0.1 only')
        token, slash, place = self.path.removeprefix('/').partition('/')
        if not slash or not hmac.compare_digest(token.encode(), self.server.token.encode()):
            raise _RefusalError(
                HTTPStatus.FORBIDDEN, 'wrong address; open the one that was printed'
            )
        return place.partition('?')[0]

    def _get(self, place: str) -> tuple[bytes, str]:
        if place in PAGE_FILES:
            name, kind = PAGE_FILES[place]
            return (PAGE_DIR / name).read_bytes(), kind
        if frame := _FRAME.fullmatch(place):
            return self.server.pictures.jpeg(int(frame[1]), int(frame[2])), 'image/jpeg'
        if place == 'who':
            return _json({'annotator': self.server.annotator})
        if work := _WORK.fullmatch(place):
            return _json(self.server.desk.work(self._allowed(unquote(work[1]))))
        raise LookupError('nothing here')

    def _post(self, place: str) -> tuple[bytes, str]:
        asked = self._body()
        if place not in ('save', 'undo'):
            raise LookupError('nothing here')
        annotator = self._allowed(_field(asked, 'annotator', str))
        video_idx = _field(asked, 'video', int)
        if place == 'undo':
            return _json(self.server.desk.undo(annotator, video_idx))
        answer = Answer(
            _field(asked, 'step', int),
            _field(asked, 'second', int),
            _field(asked, 'status', str),
            None if asked.get('x') is None else (_coordinate(asked, 'x'), _coordinate(asked, 'y')),
        )
        return _json(self.server.desk.save(annotator, video_idx, answer))

    def _allowed(self, annotator: str) -> str:
        if self.server.annotator not in (None, annotator):
            raise _RefusalError(
                HTTPStatus.FORBIDDEN, f'this page is for annotator {self.server.annotator}'
            )
        return check_annotator(annotator)

    def _body(self) -> dict[str, Any]:
        origin = self.headers.get('Origin')
        if origin is not None and origin.removeprefix('http://') not in self.server.own_hosts:
            raise _RefusalError(HTTPStatus.FORBIDDEN, 'another site asked')
        if self.headers.get_content_type() != 'application/json':
            raise _RefusalError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, 'expected application/json')
        length = self.headers.get('Content-Length', '')
        if not re.fullmatch(r'[0-9]{1,9}', length):
            raise _RefusalError(HTTPStatus.LENGTH_REQUIRED, 'expected Content-Length')
        if int(length) > MAX_BODY_BYTES:
            raise _RefusalError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f'at most {MAX_BODY_BYTES} bytes are read'
            )
        try:
            body = json.loads(self.rfile.read(int(length)))
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            raise ValueError(f'broken JSON: {error}') from error
        if not isinstance(body, dict):
            raise ValueError('expected a JSON object')
        return body

    def _fail(self, status: HTTPStatus, message: str) -> None:
        self.close_connection = True  # what is left of the request is not read
        content, kind = _json({'error': message})
        self._send(status, content, kind)

    def _send(self, status: HTTPStatus, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(content)))
        self.send_header('Content-Security-Policy', _POLICY)
        self.send_header('Referrer-Policy', 'no-referrer')  # the address holds the secret
        self.send_header('X-Content-Type-Options', 'nosniff')
        pictures = kind == 'image/jpeg'
        self.send_header('Cache-Control', 'private, max-age=3600' if pictures else 'no-store')
        if self.close_connection:
            self.send_header('Connection', 'close')
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Keep quiet: the terminal is for what the user should read."""


def _json(value: object) -> tuple[bytes, str]:
    return json.dumps(value).encode(), 'application/json'


def _field(asked: dict[str, Any], name: str, kind: type) -> Any:
    value = asked.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f'{name} must be of type {kind.__name__}, but got {value!r}'[:200])
    return value


def _coordinate(asked: dict[str, Any], name: str) -> float:
    value = asked.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f'{name} must be a number, but got {value!r}'[:200])
    if not abs(value) < 1e6:  # NaN too, and whole numbers that no float holds
        raise ValueError(f'{name} lies outside any frame')
    return round(float(value), 1)
