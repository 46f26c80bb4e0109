"""Downloads from a local server that breaks off, hangs, lies or sends elsewhere."""

import hashlib
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from stgr.io import downloads, remote_files
from stgr.io.downloads import DownloadError, Patience, WantedFile, download
from stgr.io.remote_files import RemoteFileError

CONTENT = bytes((7 * i + i // 251) % 256 for i in range(3_000_000))
DIGEST = hashlib.sha256(CONTENT).hexdigest()
QUICK = Patience(attempts=2, pause_sec=0.01, silence_sec=0.3, total_sec=20)


class _Server(ThreadingHTTPServer):
    """Serves CONTENT; what it does wrong is set by a test."""

    daemon_threads = True

    def __init__(self):
        super().__init__(('127.0.0.1', 0), _Handler)
        self.content, self.ranges, self.requests = CONTENT, True, []
        self.cuts = []  # bytes after which each of the next connections ends
        self.answers = []  # statuses of the next requests, before any content
        self.location = None
        self.says_length = True
        self.offset = 0  # of the range that is given instead of the one asked for
        self.hang_after = None
        self.released = threading.Event()
        self.url = f'http://127.0.0.1:{self.server_port}/egg.pth'

    def handle_error(self, request, client_address):
        pass  # the client hung up


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, wanted = self.server, self.headers.get('Range')
        server.requests.append(wanted)
        if server.answers:
            self.send_response(server.answers.pop(0))
            if server.location:
                self.send_header('Location', server.location)
            self.send_header('Content-Length', '0')
            self.end_headers()
            return
        start = int(wanted[6:-1]) if wanted and server.ranges else 0
        self._send(start, partial=bool(wanted and server.ranges))

    def _send(self, start, *, partial):
        server = self.server
        if partial and start >= len(server.content):
            self.send_error(416)
            return
        start += server.offset if partial else 0
        body = server.content[start:]
        self.send_response(206 if partial else 200)
        if partial:
            end = len(server.content)
            self.send_header('Content-Range', f'bytes {start}-{end - 1}/{end}')
        if server.says_length:
            self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        cut = server.cuts.pop(0) if server.cuts else None
        self.wfile.write(body[: server.hang_after if cut is None else cut])
        if server.hang_after is not None:
            self.wfile.flush()
            server.released.wait(10)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    with _Server() as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.released.set()
        running.shutdown()


@pytest.fixture
def get(server, tmp_path):
    """Return a function that downloads CONTENT from the server."""

    def run(url=None, *, patience=QUICK, **options):
        wanted = WantedFile(url or server.url, DIGEST, len(CONTENT))
        return download(wanted, tmp_path / 'to' / 'egg.pth', patience=patience, **options)

    return run


@pytest.fixture
def part(tmp_path):
    (tmp_path / 'to').mkdir()
    return tmp_path / 'to' / 'egg.pth.part'


def test_whole_file_arrives_and_nothing_else(get, server, tmp_path):
    counts = []

    assert get(progress=counts.append).read_bytes() == CONTENT

    assert [file.name for file in (tmp_path / 'to').iterdir()] == ['egg.pth']
    assert sum(counts) == len(CONTENT)
    assert server.requests == [None]


def test_broken_connections_go_on_where_they_stopped(get, server):
    server.cuts = [1_500_000, 400_000, 0]  # the second and third bring less than a megabyte

    assert get(patience=Patience(attempts=3, pause_sec=0.01)).read_bytes() == CONTENT

    assert server.requests == [None, 'bytes=1500000-', 'bytes=1900000-', 'bytes=1900000-']


def test_interrupted_call_is_continued_by_the_next(get, server, part):
    server.cuts = [1_000_000, 10]
    with pytest.raises(DownloadError, match=r'ended early \(2 attempts\); 1000010 of 3000000'):
        get()
    assert part.stat().st_size == 1_000_010
    counts = []

    assert get(progress=counts.append).read_bytes() == CONTENT

    assert server.requests[-1] == 'bytes=1000010-'
    assert (counts[0], sum(counts)) == (1_000_010, len(CONTENT))
    assert not part.exists()


def test_server_without_ranges_begins_anew(get, server, part):
    part.write_bytes(CONTENT[:1000])
    server.ranges = False
    counts = []

    assert get(progress=counts.append).read_bytes() == CONTENT
    assert sum(counts) == len(CONTENT)


def test_range_that_was_not_asked_for_is_not_used(get, server, part):
    part.write_bytes(CONTENT[:1000])
    server.offset = 5

    assert get().read_bytes() == CONTENT
    assert server.requests == ['bytes=1000-', None]


def test_length_that_is_not_said_does_no_harm(get, server):
    server.says_length = False

    assert get().read_bytes() == CONTENT


@pytest.mark.parametrize('old', [b'another file', b'x' * len(CONTENT), b'x' * (len(CONTENT) + 1)])
def test_part_of_another_file_is_thrown_away(old, get, part):
    part.write_bytes(old)

    assert get().read_bytes() == CONTENT


def test_wrong_checksum_is_refused_removed_and_named(get, server, tmp_path):
    server.content = CONTENT[:-1] + b'!'
    wrong = hashlib.sha256(server.content).hexdigest()

    with pytest.raises(ValueError, match=rf'egg\.pth: expected sha256 {DIGEST}, but got {wrong}'):
        get()

    assert list((tmp_path / 'to').iterdir()) == []


@pytest.mark.parametrize('says_length', [True, False])
@pytest.mark.parametrize('content', [CONTENT + b'x', CONTENT * 3, CONTENT[:-1]])
def test_file_of_another_size_is_refused(content, says_length, get, server, tmp_path):
    server.content, server.says_length = content, says_length
    kind = DownloadError if len(content) < len(CONTENT) and not says_length else ValueError

    with pytest.raises(kind, match=r'expected 3000000 bytes, but it has|connection ended early'):
        get()

    assert not (tmp_path / 'to' / 'egg.pth').exists()


@pytest.mark.parametrize(
    ('status', 'message'), [(404, '404 Not Found; check the address'), (403, '403 Forbidden')]
)
def test_file_that_is_not_given_is_not_asked_for_again(status, message, get, server):
    server.answers = [status]

    with pytest.raises(RemoteFileError, match=message):
        get()

    assert len(server.requests) == 1


def test_busy_server_is_asked_again(get, server):
    server.answers = [503]

    assert get().read_bytes() == CONTENT


def test_server_that_stays_busy_is_given_up(get, server):
    server.answers = [503] * 9

    with pytest.raises(DownloadError, match=r'answers 503 Service Unavailable \(2 attempts\)'):
        get()
    assert len(server.requests) == 2


@pytest.mark.parametrize('after', [0, 5000])
def test_server_that_hangs_is_given_up_in_time(after, get, server):
    server.hang_after = after
    start = time.monotonic()

    with pytest.raises(DownloadError, match='no answer in time'):
        get()

    assert time.monotonic() - start < 10


def test_server_that_never_answers_is_given_up_in_time(get):
    with (
        socket.create_server(('127.0.0.1', 0)) as silent,
        pytest.raises(DownloadError, match='no answer in time'),
    ):
        get(f'http://127.0.0.1:{silent.getsockname()[1]}/egg.pth')


def test_trickle_is_silence(get, server, monkeypatch):
    slow = Patience(attempts=1, pause_sec=0, silence_sec=0.2, slowest_bytes_per_sec=1e9)
    read1 = remote_files.RemoteFile.chunks

    def trickle(self, slowest):
        self._stream = _Slowly(self._stream)
        return read1(self, slowest)

    monkeypatch.setattr(remote_files.RemoteFile, 'chunks', trickle)

    with pytest.raises(DownloadError, match=r'only \d+ bytes came in'):
        get(patience=slow)


class _Slowly:
    def __init__(self, stream):
        self._stream = stream

    def read1(self, count):
        time.sleep(0.03)
        return self._stream.read1(10)


def test_whole_download_has_a_time_limit(get, server):
    server.answers = [503] * 99
    patient = Patience(attempts=99, pause_sec=0.2, total_sec=0.5)
    start = time.monotonic()

    with pytest.raises(DownloadError, match=r'not done after 0\.5 s'):
        get(patience=patient)

    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    ('location', 'message'),
    [
        ('file:///etc/hostname', 'to another scheme'),
        ('ftp://127.0.0.1/egg.pth', 'redirects from http to ftp'),
        ('/egg.pth', 'redirects too often'),
    ],
)
def test_redirects_elsewhere_are_not_followed(location, message, get, server):
    server.answers, server.location = [302] * 20, location

    with pytest.raises(RemoteFileError, match=message):
        get()


def test_redirect_to_http_is_followed_with_its_range(get, server, part):
    part.write_bytes(CONTENT[:1000])
    server.answers, server.location = [302], server.url

    assert get().read_bytes() == CONTENT
    assert server.requests == ['bytes=1000-'] * 2


def test_redirect_from_https_to_http_is_refused():
    import urllib.request

    request = urllib.request.Request('https://example.org/a')
    with pytest.raises(RemoteFileError, match='from https to http'):
        remote_files._SafeRedirects().redirect_request(
            request, None, 302, '', {}, 'http://example.org/a'
        )


@pytest.mark.parametrize('url', ['ftp://a/b', 'egg.pth', 'data:,egg', ''])
def test_other_schemes_are_refused(url, get):
    with pytest.raises(ValueError, match='begins with http, https or file'):
        download(WantedFile(url, DIGEST, 1), None)


def test_host_that_is_not_found_is_one_sentence(get, monkeypatch):
    def fail(*args, **kwargs):
        raise socket.gaierror(-2, 'Name or service not known')

    monkeypatch.setattr(socket, 'getaddrinfo', fail)

    with pytest.raises(DownloadError, match=r'the host nowhere\.example is not found: no network'):
        get('http://nowhere.example/egg.pth')


@pytest.mark.parametrize('url', ['http://127.0.0.1:egg/a', f'http://{"a" * 70}.example/a'])
def test_address_that_is_none_is_refused_at_once(url, get):
    with pytest.raises(RemoteFileError, match='is no address'):
        get(url)


def test_refused_connection_is_one_sentence(get, server):
    with socket.create_server(('127.0.0.1', 0)) as closed:
        port = closed.getsockname()[1]

    with pytest.raises(DownloadError, match=r'connection broke \(Connection refused\)'):
        get(f'http://127.0.0.1:{port}/egg.pth')


@pytest.mark.parametrize(
    ('why', 'message'),
    [
        ('certificate is not yet valid', 'the clock of this machine says 20'),
        ('self-signed certificate', 'SSL_CERT_FILE'),
    ],
)
def test_certificate_trouble_names_the_clock_or_the_certificates(why, message, get, monkeypatch):
    error = ssl.SSLCertVerificationError(1, why)
    error.verify_message = why

    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(socket, 'create_connection', fail)

    with pytest.raises(RemoteFileError, match=rf'{why}; .*{message}'):
        get('https://127.0.0.1/egg.pth')


def test_local_file_is_copied_and_checked(get, tmp_path):
    (tmp_path / 'egg.pth').write_bytes(CONTENT)

    assert get((tmp_path / 'egg.pth').as_uri()).read_bytes() == CONTENT


def test_local_file_that_is_not_there_is_named(get, tmp_path):
    with pytest.raises(RemoteFileError, match=r'egg\.pth: no such file'):
        get((tmp_path / 'egg.pth').as_uri())


def test_file_that_is_there_is_not_fetched_again(get, server):
    get()

    assert get().read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_another_file_of_that_name_is_left_alone(get, tmp_path):
    (tmp_path / 'to').mkdir()
    (tmp_path / 'to' / 'egg.pth').write_text('mine')

    with pytest.raises(FileExistsError, match='remove it, or give another folder'):
        get()
    assert (tmp_path / 'to' / 'egg.pth').read_text() == 'mine'


def test_full_disk_is_said_and_not_tried_again(get, server, monkeypatch):
    def full(self, chunk):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(downloads._Transfer, '_connect_once', lambda self: full(self, b''))

    with pytest.raises(OSError, match=r'No space left for this file; free some'):
        get()


def test_two_downloads_of_one_file_take_turns(get, server):
    pytest.importorskip('fcntl')
    found = []
    threads = [threading.Thread(target=lambda: found.append(get())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {path.read_bytes() for path in found} == {CONTENT}
    assert len(found) == 3
    assert len(server.requests) == 1
