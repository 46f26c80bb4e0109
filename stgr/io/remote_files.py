"""A file behind an address, read from any byte on: HTTP, HTTPS, or a file of this machine."""

import http.client
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

SCHEMES = ('http', 'https', 'file')
_CHUNK = 2**18
_PASSING_STATUS = {408, 425, 429, 500, 502, 503, 504}
_PARTIAL, _PAST_THE_END = 206, 416
_CONTENT_RANGE = re.compile(r'bytes (?P<start>\d+)-\d+/(?P<total>\d+|\*)')


class PassingError(Exception):
    """A trouble of the network that may be gone at the next attempt."""


class RemoteFileError(OSError):
    """The other side does not give the file, and would not if asked again."""


class RemoteFile:
    """An open connection.

    Args:
        stream: Its bytes.
        start: Which byte of the file comes first.
        total_bytes: Size of the whole file; None if it was not said.
        silence_sec: Longest time without bytes.
    """

    def __init__(
        self, stream: Any, start: int, total_bytes: int | None, silence_sec: float
    ) -> None:
        self._stream, self._silence_sec = stream, silence_sec
        self.start, self.total_bytes = start, total_bytes

    def chunks(self, slowest_bytes_per_sec: float) -> Iterator[bytes]:
        """Yield the bytes as they come, until the other side ends.

        Args:
            slowest_bytes_per_sec: Fewer than this, over the longest silence, are an error.

        Raises:
            PassingError: If the connection breaks, is silent or too slow.
        """
        since, count = time.monotonic(), 0
        while True:
            with _named_network_errors():
                chunk = self._stream.read1(_CHUNK)
            if not chunk:
                return
            yield chunk
            count += len(chunk)
            passed = time.monotonic() - since
            if passed >= self._silence_sec:
                if count < slowest_bytes_per_sec * passed:
                    raise PassingError(f'only {count} bytes came in {passed:.0f} s')
                since, count = time.monotonic(), 0


def check_scheme(url: str) -> None:
    """Raise ``ValueError`` unless an address is one that is read."""
    if urlsplit(url).scheme not in SCHEMES:
        raise ValueError(f'{url}: expected an address that begins with http, https or file')


@contextmanager
def open_remote(url: str, *, start: int, silence_sec: float) -> Iterator[RemoteFile]:
    """Open a file behind an address, from a byte on if the server can.

    Args:
        url: ``http://``, ``https://`` or ``file://``.
        start: First byte wanted; the file that is yielded says which one comes.
        silence_sec: Longest wait for an answer.

    Raises:
        PassingError: If the network fails in a way that may pass.
        RemoteFileError: If the file is not there, not given, or redirected to another scheme.
    """
    check_scheme(url)
    if urlsplit(url).scheme == 'file':
        with _open_local(url) as file:
            file.seek(start)
            yield RemoteFile(file, start, Path(file.name).stat().st_size, silence_sec)
        return
    with _named_network_errors(url):
        response, start = _request(url, start, silence_sec)
    with response:
        yield RemoteFile(response, start, _total_bytes(response), silence_sec)


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to HTTP and HTTPS only, and never from HTTPS to HTTP."""

    max_redirections = 5

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str,
        headers: http.client.HTTPMessage, newurl: str,
    ) -> urllib.request.Request | None:  # fmt: skip
        old, new = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if new not in ('http', 'https') or (old, new) == ('https', 'http'):
            raise RemoteFileError(
                f'{req.full_url} redirects from {old} to {new}, which is not followed; take the '
                'file from another place'
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _request(url: str, start: int, silence_sec: float) -> tuple[Any, int]:
    """Return the response and its first byte."""
    from stgr import __version__

    headers = {'User-Agent': f'stgr/{__version__}', 'Accept-Encoding': 'identity'}
    if start:
        headers['Range'] = f'bytes={start}-'
    opener = urllib.request.build_opener(_SafeRedirects)
    try:
        response = opener.open(urllib.request.Request(url, headers=headers), timeout=silence_sec)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == _PAST_THE_END and start:
            return _request(url, 0, silence_sec)
        raise
    if response.status != _PARTIAL:
        return response, 0
    found = _CONTENT_RANGE.fullmatch(response.headers.get('Content-Range', ''))
    if found is None or int(found['start']) != start:
        response.close()  # a server that counts otherwise: all of it, then
        return _request(url, 0, silence_sec) if start else (response, 0)
    return response, start


def _total_bytes(response: Any) -> int | None:
    found = _CONTENT_RANGE.fullmatch(response.headers.get('Content-Range', ''))
    if found is not None:
        return None if found['total'] == '*' else int(found['total'])
    length = response.headers.get('Content-Length', '')
    return int(length) if length.isdecimal() else None


def _open_local(url: str) -> Any:
    parts = urlsplit(url)
    if parts.netloc not in ('', 'localhost'):
        raise RemoteFileError(f'{url}: expected file:///PATH, a file of this machine')
    path = Path(urllib.request.url2pathname(parts.path))
    if not path.is_file():
        raise RemoteFileError(f'{path}: no such file; check the folder that it is taken from')
    return path.open('rb')


@contextmanager
def _named_network_errors(url: str = '') -> Iterator[None]:
    """Tell troubles that may pass from those that stay, in words."""
    try:
        yield
    except urllib.error.HTTPError as error:
        raise _of_status(url, error) from error
    except urllib.error.URLError as error:
        reason = error.reason
        raise _of_network(url, reason if isinstance(reason, OSError) else error) from error
    except (http.client.InvalidURL, UnicodeError) as error:
        raise RemoteFileError(f'{url} is no address ({error}); correct it') from error
    except (http.client.HTTPException, ValueError) as error:
        raise PassingError(f'the connection broke ({type(error).__name__})') from error
    except RemoteFileError:
        raise
    except OSError as error:
        raise _of_network(url, error) from error


def _of_status(url: str, error: urllib.error.HTTPError) -> Exception:
    answer = f'{error.code} {error.reason}'
    if error.code in _PASSING_STATUS:
        return PassingError(f'the server answers {answer}')
    if 300 <= error.code < 400:
        return RemoteFileError(
            f'{url} redirects too often or to another scheme; take another place'
        )
    return RemoteFileError(f'{url}: the server answers {answer}; check the address')


def _of_network(url: str, error: OSError) -> Exception:
    if isinstance(error, ssl.SSLCertVerificationError):
        return RemoteFileError(f'{url}: {_of_certificate(error)}')
    if isinstance(error, TimeoutError):
        return PassingError('no answer in time')
    if isinstance(error, socket.gaierror):
        host = urlsplit(url).hostname
        return PassingError(f'the host {host} is not found: no network, or a wrong name')
    return PassingError(f'the connection broke ({error.strerror or error})')


def _of_certificate(error: ssl.SSLCertVerificationError) -> str:
    why = error.verify_message
    if 'not yet valid' in why or 'expired' in why:
        today = datetime.now(UTC).date()
        return f'{why}; the clock of this machine says {today}: set it if that is wrong'
    return f'{why}; name your certificates by SSL_CERT_FILE, or take the file from another place'
