"""``POST /ground`` and ``GET /health``: a model for programs on this machine, or behind a proxy."""

import hmac
import os
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from typing import Any, ClassVar

from stgr import __version__
from stgr.apis.serving.desk import BusyError, GroundingDesk
from stgr.io.errors import VideoError
from stgr.io.json_http import Content, JsonHandler, RefusalError, as_json, field, free_port
from stgr.io.result_json import result_to_json
from stgr.io.results import SCHEMA_VERSION

LOOPBACK = ('127.0.0.1', 'localhost')
_FIELDS = {'video', 'queries', 'actions'}


class GroundingServer(ThreadingHTTPServer):
    """Answers questions about the videos of a folder over HTTP.

    ``POST /ground`` with ``{"video": "a/b.mp4", "queries": ["crack an egg"]}``, or ``actions`` for
    a pool that competes, returns the document of ``result.json`` without heat maps. ``GET /health``
    says which model answers. Bad requests get a status of 4xx and ``{"error": one line}``.

    Args:
        desk: What answers.
        host: Address to listen on.
        port: TCP port; 0: a free one.
        token: What clients send as ``Authorization: Bearer TOKEN``; None: nothing.

    Raises:
        OSError: If the port is taken.
        ValueError: If other machines could ask without a token.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        desk: GroundingDesk,
        *,
        host: str = '127.0.0.1',
        port: int = 0,
        token: str | None = None,
    ) -> None:
        if host not in LOOPBACK and not token:
            raise ValueError(
                f'{host} can be reached from other machines: set STGR_SERVE_TOKEN to a secret '
                'that clients send, or listen on 127.0.0.1'
            )
        self.desk = desk
        self.token = token
        super().__init__((host, free_port(port, host)), _Handler)

    @property
    def url(self) -> str:
        """The address, for a client on this machine."""
        return f'http://127.0.0.1:{self.server_port}'

    @property
    def own_hosts(self) -> set[str]:
        """What a client that means this server sends as ``Host``."""
        return {f'{name}:{self.server_port}' for name in LOOPBACK}

    def server_close(self) -> None:
        """Stop listening and delete the features that are kept."""
        super().server_close()
        self.desk.close()


class _Handler(JsonHandler):
    server: GroundingServer
    max_body_bytes: ClassVar[int] = 65536

    def get(self) -> Content:
        self._check_client()
        if self.path != '/health':
            raise LookupError('nothing here; GET /health or POST /ground')
        desk = self.server.desk
        facts = desk.grounder.facts
        return as_json(
            {
                'status': 'ok',
                'stgr': __version__,
                'model': facts.name,
                'weights_sha256': facts.weights_sha256,
                'notice': facts.notice,
                'videos_kept': desk.num_kept,
            }
        )

    def post(self) -> Content:
        self._check_client()
        if self.path != '/ground':
            raise LookupError('nothing here; GET /health or POST /ground')
        asked = self.read_body()
        unknown = sorted(set(asked) - _FIELDS)
        if unknown:
            raise ValueError(f'unknown fields {", ".join(unknown)}; known: video, queries, actions')
        video = field(asked, 'video', str)
        try:
            result = self.server.desk.answer(
                video, queries=_texts(asked, 'queries'), actions=_texts(asked, 'actions')
            )
        except BusyError as error:
            raise RefusalError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error
        except VideoError as error:
            message = str(error).replace(f'{self.server.desk.root}{os.sep}', '')
            raise RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, message) from error
        document: dict[str, Any] = {'schema_version': SCHEMA_VERSION, **result_to_json(result)}
        for query in document['queries']:
            query['heatmaps'] = None  # their values are not sent
        return as_json(document)

    def _check_client(self) -> None:
        if self.server.token is not None:
            given = self.headers.get('Authorization', '')
            if not hmac.compare_digest(given.encode(), f'Bearer {self.server.token}'.encode()):
                raise RefusalError(
                    HTTPStatus.UNAUTHORIZED, 'send Authorization: Bearer and the token'
                )
            return  # a foreign page does not know it, whatever it calls this machine
        self.check_host()


def _texts(asked: dict[str, Any], name: str) -> list[str]:
    texts: list[Any] = field({name: [], **asked}, name, list)
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f'{name} must be a list of texts')
    return texts
