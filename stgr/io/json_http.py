"""What our small HTTP servers share: who may ask, how much is read, and errors as one line.

A page elsewhere in the browser can send requests to 127.0.0.1. A name of its own that resolves
there (DNS rebinding) is refused by the ``Host`` header; and what is posted must be JSON, which a
foreign page may not send without asking first.
"""

import json
import re
import socket
import traceback
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

IDLE_SEC = 60
Content = tuple[bytes, str]


class RefusalError(Exception):
    """A request that is not answered.

    Args:
        status: What is sent.
        message: Why, in one line.
    """

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class JsonHandler(BaseHTTPRequestHandler):
    """Answers with JSON, and with ``{"error": ...}`` and a status of 4xx or 5xx where it does not.

    A subclass has ``get`` and ``post``; of their errors, ``LookupError`` is 404, ``ValueError``
    400, and ``OSError`` 500. Anything else is a bug: its traceback goes to standard error, the
    client is told so, and the server goes on.
    """

    server: Any  # has ``own_hosts``: what a client that means it sends as ``Host``
    protocol_version = 'HTTP/1.1'
    timeout = IDLE_SEC  # a connection that says nothing is closed
    max_body_bytes: ClassVar[int] = 4096

    def handle(self) -> None:
        """Answer the requests of a connection, until the client breaks off or says no more."""
        with suppress(ConnectionError):  # nobody is there to be told, and it is no fault of ours
            super().handle()

    def do_GET(self) -> None:
        """Send what ``get`` returns, or why there is nothing."""
        self._answer(self.get)

    def do_POST(self) -> None:
        """Likewise of ``post``."""
        self._answer(self.post)

    def get(self) -> Content:
        """Return what is at ``self.path``, and its type."""
        raise LookupError('nothing here')

    def post(self) -> Content:
        """Do what ``read_body`` asks for; return the answer, and its type."""
        raise LookupError('nothing here')

    def _answer(self, respond: Callable[[], Content]) -> None:
        try:
            content, kind = respond()
            self.send_content(HTTPStatus.OK, content, kind)
        except RefusalError as refusal:
            self._fail(refusal.status, str(refusal))
        except LookupError as error:
            self._fail(HTTPStatus.NOT_FOUND, str(error))
        except ValueError as error:
            self._fail(HTTPStatus.BAD_REQUEST, str(error))
        except OSError as error:
            if isinstance(error, ConnectionError | TimeoutError):
                raise  # nobody is there to be told
            self._fail(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
        except Exception:
            traceback.print_exc()
            self._fail(HTTPStatus.INTERNAL_SERVER_ERROR, 'the server has a fault; see its output')

    def check_host(self) -> None:
        """Refuse a request that was meant for another name."""
        if self.headers.get('Host') not in self.server.own_hosts:
            names = sorted({host.rpartition(':')[0] for host in self.server.own_hosts})
            raise RefusalError(
                HTTPStatus.FORBIDDEN, f'this server answers to {" and ".join(names)} only'
            )

    def read_body(self) -> dict[str, Any]:
        """Return the JSON object that was posted."""
        origin = self.headers.get('Origin')
        if origin is not None and origin.removeprefix('http://') not in self.server.own_hosts:
            raise RefusalError(HTTPStatus.FORBIDDEN, 'another site asked')
        if self.headers.get_content_type() != 'application/json':
            raise RefusalError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, 'expected application/json')
        length = self.headers.get('Content-Length', '')
        if not re.fullmatch(r'[0-9]{1,9}', length):
            raise RefusalError(HTTPStatus.LENGTH_REQUIRED, 'expected Content-Length')
        if int(length) > self.max_body_bytes:
            raise RefusalError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f'at most {self.max_body_bytes} bytes are read'
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
        content, kind = as_json({'error': ' '.join(message.split())})
        self.send_content(status, content, kind)

    def send_content(self, status: HTTPStatus, content: bytes, kind: str) -> None:
        """Send a whole answer."""
        self.send_response(status)
        headers = {
            'Content-Type': kind,
            'Content-Length': str(len(content)),
            'X-Content-Type-Options': 'nosniff',
            'Cache-Control': 'no-store',
            **self.more_headers(kind),
        }
        if self.close_connection:
            headers['Connection'] = 'close'
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def more_headers(self, kind: str) -> dict[str, str]:
        """Return headers that belong to content of a type."""
        del kind
        return {}

    def log_message(self, *_: object) -> None:
        """Keep quiet: the terminal is for what the user should read."""


def free_port(wanted: int = 0, host: str = '127.0.0.1') -> int:
    """Return a TCP port that nobody listens on now.

    Args:
        wanted: The one to be; 0: any.
        host: The address to listen on.

    Raises:
        OSError: If it is taken or may not be used.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except (OSError, OverflowError) as error:
            at = '' if host == '127.0.0.1' else f' of {host}'
            raise OSError(
                f'port {wanted}{at} cannot be used ({error}); give --port another'
            ) from error
        port: int = probe.getsockname()[1]
    return port


def as_json(value: object) -> Content:
    """Return a JSON document as content."""
    return json.dumps(value).encode(), 'application/json'


def field(asked: dict[str, Any], name: str, kind: type) -> Any:
    """Return a field of a posted object.

    Raises:
        ValueError: If it is missing or of another type.
    """
    value = asked.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f'{name} must be of type {kind.__name__}, but got {value!r}'[:200])
    return value
