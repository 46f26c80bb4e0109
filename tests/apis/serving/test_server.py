"""A model over real HTTP: answers, what is kept, and what is refused with which words."""

import http.client
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from stgr.apis.grounder import Grounder
from stgr.apis.serving import GroundingDesk, GroundingServer, ServingLimits
from stgr.cli import main
from stgr.io import write_video

REPOSITORY = Path(__file__).resolve().parents[3]
QUERIES = ['crack an egg into the bowl', 'flip it']


@pytest.fixture(scope='module')
def grounder(tiny_model):
    config, weights = tiny_model
    return Grounder(config, weights=weights)


@pytest.fixture
def root(tiny_video, tmp_path):
    folder = tmp_path / 'videos'
    (folder / 'monday').mkdir(parents=True)
    for name in ('monday/a.mp4', 'b.mp4', 'c.mp4'):
        shutil.copy(tiny_video, folder / name)
    (folder / 'broken.mp4').write_bytes(b'no video')
    (tmp_path / 'secret.mp4').write_bytes((folder / 'b.mp4').read_bytes())
    (folder / 'link.mp4').symlink_to(tmp_path / 'secret.mp4')
    return folder


@pytest.fixture
def serve(grounder, root):
    """Return a function that starts a server; all of them end with the test."""
    running = []

    def start(limits=None, **options):
        server = GroundingServer(GroundingDesk(grounder, root, limits), **options)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join(10)


def ask(port, path, body=None, **headers):
    """Return status and document of one request."""
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
    content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    kind = {} if body is None else {'Content-Type': 'application/json'}
    connection.request('GET' if body is None else 'POST', path, content, kind | headers)
    response = connection.getresponse()
    found = response.status, json.loads(response.read())
    connection.close()
    return found


def test_the_answer_is_that_of_the_grounder(serve, grounder, root):
    server = serve()
    question = {'video': 'monday/a.mp4', 'queries': QUERIES}
    status, answer = ask(server.server_port, '/ground', question)
    expected = grounder.ground(root / 'monday' / 'a.mp4', queries=QUERIES)

    assert status == 200
    assert answer['video']['path'] == 'monday/a.mp4'
    assert answer['model']['weights_sha256'] == grounder.facts.weights_sha256
    assert [query['found'] for query in answer['queries']] == [True, True]
    for query, own in zip(answer['queries'], expected.queries, strict=True):
        assert query['heatmaps'] is None
        np.testing.assert_allclose(query['frame_scores'], own.frame_scores, atol=1e-6)
        np.testing.assert_allclose(query['tubes'][0]['boxes_px'], own.tubes[0].boxes_px)
    assert str(root) not in json.dumps(answer)


def test_a_pool_competes(serve):
    body = {'video': 'b.mp4', 'actions': QUERIES}
    status, answer = ask(serve().server_port, '/ground', body)

    assert status == 200
    assert answer['settings']['mode'] == 'actions'


def test_health_names_the_model(serve, grounder):
    status, answer = ask(serve().server_port, '/health')

    assert (status, answer['status'], answer['model']) == (200, 'ok', grounder.facts.name)
    assert answer['videos_kept'] == 0


def test_a_video_is_encoded_once_until_others_push_it_out(serve, grounder, root, monkeypatch):
    encoded = []
    original = grounder.encode

    def encode(path, **options):
        encoded.append(Path(path).name)
        return original(path, **options)

    monkeypatch.setattr(grounder, 'encode', encode)
    server = serve(ServingLimits(keep=2))

    def ground(name):
        assert ask(server.server_port, '/ground', {'video': name, 'queries': QUERIES})[0] == 200

    for name in ('b.mp4', 'b.mp4', 'c.mp4', 'b.mp4', 'monday/a.mp4', 'b.mp4'):
        ground(name)  # a pushes c out, which was asked for longest ago
    assert encoded == ['b.mp4', 'c.mp4', 'a.mp4']
    ground('c.mp4')
    os.utime(root / 'c.mp4', (1, 1))  # a file that changed is another video
    ground('c.mp4')
    assert encoded[3:] == ['c.mp4', 'c.mp4']
    kept = [Path(video.features.path).parent for video in server.desk._kept.values()]
    server.desk.close()
    assert len(kept) == 2
    assert not any(folder.exists() for folder in kept)


@pytest.mark.parametrize(
    ('body', 'status', 'words'),
    [
        ({'video': 'none.mp4', 'queries': ['a']}, 404, "no video 'none.mp4' in the folder"),
        ({'video': '../secret.mp4', 'queries': ['a']}, 404, 'in the folder that is served'),
        ({'video': '/etc/passwd', 'queries': ['a']}, 404, 'in the folder that is served'),
        ({'video': 'link.mp4', 'queries': ['a']}, 404, 'in the folder that is served'),
        ({'video': 'monday', 'queries': ['a']}, 404, 'in the folder that is served'),
        ({'video': 'a\0b', 'queries': ['a']}, 404, 'in the folder that is served'),
        ({'video': 'x' * 5000, 'queries': ['a']}, 404, 'in the folder that is served'),
        ({'video': 'broken.mp4', 'queries': ['a']}, 422, 'broken.mp4'),
        ({'video': 'b.mp4'}, 400, 'give queries or actions'),
        ({'video': 'b.mp4', 'queries': ['a'], 'actions': ['b']}, 400, 'not both'),
        ({'video': 'b.mp4', 'queries': 'egg'}, 400, 'queries must be of type list'),
        ({'video': 'b.mp4', 'queries': [3]}, 400, 'queries must be a list of texts'),
        ({'video': 'b.mp4', 'queries': ['']}, 400, 'query 1 of 1 is empty'),
        ({'video': 'b.mp4', 'queries': ['a\ud800']}, 400, 'query 1 of 1 is no text in UTF-8'),
        ({'video': 'b.mp4', 'queries': ['a', 'a']}, 400, 'given more than once'),
        ({'video': 'b.mp4', 'queries': ['a', 'b', 'c']}, 400, 'at most 2 are answered'),
        ({'queries': ['a']}, 400, 'video must be of type str'),
        ({'video': 'b.mp4', 'query': 'a'}, 400, 'unknown fields query'),
        (b'{', 400, 'broken JSON'),
        (b'[]', 400, 'expected a JSON object'),
        (b'"' + b'a' * 70000 + b'"', 413, 'at most 65536 bytes'),
    ],
)
def test_bad_questions_get_one_line(serve, root, body, status, words):
    server = serve(ServingLimits(max_queries=2))
    found, answer = ask(server.server_port, '/ground', body)

    assert found == status
    assert words in answer['error']
    assert '\n' not in answer['error']
    assert str(root) not in answer['error']
    assert not answer['error'].startswith('/')  # of a video, its path below the root
    assert ask(server.server_port, '/health')[0] == 200


def test_other_places_and_other_callers_are_refused(serve):
    port = serve().server_port
    question = {'video': 'b.mp4', 'queries': ['a']}

    assert ask(port, '/')[0] == 404
    assert ask(port, '/other', question)[0] == 404
    assert ask(port, '/health', Host='evil.example')[0] == 403
    assert ask(port, '/ground', question, Origin='http://evil.example')[0] == 403
    assert ask(port, '/ground', question, **{'Content-Type': 'text/plain'})[0] == 415


def test_a_token_is_asked_for_and_needed_beyond_this_machine(serve):
    port = serve(token='secret').server_port

    assert ask(port, '/health')[0] == 401
    assert ask(port, '/health', Authorization='Bearer wrong')[0] == 401
    answer = ask(port, '/health', Authorization='Bearer secret', Host='models.example')
    assert answer[0] == 200
    with pytest.raises(ValueError, match='set STGR_SERVE_TOKEN'):
        serve(host='0.0.0.0')


def test_a_video_that_is_too_long_is_refused_before_it_is_encoded(serve, grounder, monkeypatch):
    monkeypatch.setattr(grounder, 'encode', lambda *_, **__: pytest.fail('was encoded'))
    server = serve(ServingLimits(max_minutes=0.04))  # 2.4 of the video's 3 seconds
    status, answer = ask(server.server_port, '/ground', {'video': 'b.mp4', 'queries': ['egg']})

    assert status == 400
    assert 'at most 0.04' in answer['error']


def test_questions_wait_for_their_turn_and_too_many_are_refused(serve, grounder, monkeypatch):
    inside, may_go, running = threading.Event(), threading.Event(), []
    original = grounder.ground

    def ground(*args, **options):
        running.append(1)
        inside.set()
        assert may_go.wait(30)
        assert len(running) == 1, 'two at once'
        result = original(*args, **options)
        running.pop()
        return result

    monkeypatch.setattr(grounder, 'ground', ground)
    server = serve(ServingLimits(max_waiting=1))
    question = {'video': 'b.mp4', 'queries': QUERIES}
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(ask(server.server_port, '/ground', question)))
        for _ in range(2)
    ]
    threads[0].start()
    assert inside.wait(30)
    threads[1].start()
    while server.desk._places._value:  # until the second one waits
        pass
    status, answer = ask(server.server_port, '/ground', question)
    may_go.set()
    for thread in threads:
        thread.join(60)

    assert (status, answer['error']) == (503, '1 questions are waiting; ask again later')
    assert [status for status, _ in found] == [200, 200]
    assert ask(server.server_port, '/ground', question)[0] == 200  # both gave their place back


def test_a_fault_of_ours_is_told_and_survived(serve, grounder, monkeypatch, capsys):
    monkeypatch.setattr(grounder, 'ground', lambda *_, **__: 1 / 0)
    port = serve().server_port
    status, answer = ask(port, '/ground', {'video': 'b.mp4', 'queries': ['egg']})

    assert (status, answer['error']) == (500, 'the server has a fault; see its output')
    assert 'ZeroDivisionError' in capsys.readouterr().err
    assert ask(port, '/health')[0] == 200


def test_a_client_that_breaks_off_is_no_fault(serve, monkeypatch):
    server, ended, faults = serve(), threading.Event(), []
    monkeypatch.setattr(server, 'handle_error', lambda *_: faults.append(sys.exc_info()))
    close = server.shutdown_request
    monkeypatch.setattr(server, 'shutdown_request', lambda request: [close(request), ended.set()])
    head = 'POST /ground HTTP/1.1\r\nContent-Type: application/json\r\n'
    host = f'Host: 127.0.0.1:{server.server_port}\r\n'
    with socket.create_connection(('127.0.0.1', server.server_port)) as client:
        client.sendall(f'{head}{host}Content-Length: 500\r\n\r\n{{'.encode())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))  # resets

    assert ended.wait(20)
    assert faults == []
    assert ask(server.server_port, '/health')[0] == 200


@pytest.mark.parametrize('name', ['keep', 'max_minutes', 'max_queries', 'max_waiting'])
def test_limits_must_be_positive(name):
    with pytest.raises(ValueError, match=f'{name} must be above 0, but is 0'):
        ServingLimits(**{name: 0})


def test_a_root_that_is_no_folder_is_refused(grounder, tmp_path):
    with pytest.raises(NotADirectoryError, match='is no folder'):
        GroundingDesk(grounder, tmp_path / 'none')


@pytest.mark.parametrize('port', ['taken', '99999'])
def test_a_port_that_cannot_be_used_is_one_line(port, serve, root, capsys):
    wanted = str(serve().server_port) if port == 'taken' else port

    assert main(['serve', str(root), '--port', wanted]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f'error: port {wanted} cannot be used (')
    assert said.endswith('); give --port another\n')
    with pytest.raises(OSError, match=f'port {wanted} cannot be used'):
        serve(port=int(wanted))


@pytest.mark.slow
def test_the_command_serves_with_its_decoder_apart_and_stops_cleanly(tmp_path, tiny_model):
    write_video(tmp_path / 'a.mp4', np.zeros((20, 48, 64, 3), np.uint8), 10)
    config, weights = map(str, tiny_model)
    command = [sys.executable, '-m', 'stgr.cli', 'serve', str(tmp_path), '--port', '0']
    environment = {**os.environ, 'PYTHONPATH': str(REPOSITORY), 'STGR_SERVE_TOKEN': 'secret'}
    with subprocess.Popen(
        [*command, '--model', config, '--weights', weights, '--host', '0.0.0.0'],
        env=environment, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        port = int(process.stdout.readline().split('/ground')[0].rpartition(':')[2])
        question = {'video': 'a.mp4', 'queries': ['egg']}
        status, answer = ask(port, '/ground', question, Authorization='Bearer secret')
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
    assert (status, answer['video']['reader']) == (200, 'isolated')
    assert (process.returncode, rest) == (0, 'stopped\n')
