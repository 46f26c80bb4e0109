"""The page's server: who is answered, what is handed out, what is left behind."""

import os
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip('gradio')

from stgr.demo_page.ask_tab import AskTab
from stgr.demo_page.gradio_parts import say
from stgr.demo_page.server import DemoServer, is_local


@pytest.fixture(scope='module')
def server(grounder, kitchen_folder):
    with DemoServer(grounder, videos=kitchen_folder) as started:
        yield started


def fetch(server, place='', **headers):
    request = urllib.request.Request(server.url.rstrip('/') + '/' + place, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_the_page_comes_with_a_policy_that_lets_the_browser_fetch_from_here_only(server):
    status, headers, content = fetch(server)

    assert status == 200
    assert b'stgr demo' in content
    policy = headers['Content-Security-Policy']
    assert "default-src 'self'" in policy
    assert 'http' not in policy
    assert '*' not in policy


@pytest.mark.parametrize(
    'headers',
    [
        {'Host': 'attacker.example'},  # a name that resolves to 127.0.0.1
        {'Origin': 'https://attacker.example'},  # a page elsewhere
        {'Origin': 'null'},  # a page in a sandbox
        {'Origin': 'http://127.0.0.1.attacker.example'},
    ],
)
def test_pages_of_other_sites_are_refused(server, headers):
    assert fetch(server, **headers)[0] == 403


@pytest.mark.parametrize(
    ('origin', 'local'),
    [
        ('http://127.0.0.1:7860', True),
        ('http://localhost', True),
        ('http://127.0.0.1@attacker.example', False),
        ('http://[', False),
        ('', False),
    ],
)
def test_a_local_origin_is_told_from_others(origin, local):
    assert is_local(origin) is local


@pytest.mark.parametrize(
    'place',
    [
        'gradio_api/file=/etc/passwd',
        'gradio_api/file=https://example.org/a.mp4',  # the server would fetch it
        'gradio_api/proxy=https://example.org/a.mp4',
    ],
)
def test_no_other_file_and_no_address_is_handed_out(server, place):
    assert fetch(server, place)[0] in (403, 404)


def test_a_video_is_handed_out_by_its_key_once_it_was_chosen(server, kitchen):
    assert fetch(server, f'gradio_api/file={kitchen}')[0] == 403
    assert fetch(server, 'stgr-video/kitchen.mp4')[0] == 404
    shown = server.desk.show(kitchen)

    status, headers, content = fetch(server, f'stgr-video/{shown.key}')
    assert (status, headers['Content-Type']) == (200, 'video/mp4')
    assert content == kitchen.read_bytes()
    status, _, part = fetch(server, f'stgr-video/{shown.key}', Range='bytes=10-19')
    assert (status, part) == (206, kitchen.read_bytes()[10:20])  # players jump by ranges


def test_nothing_is_left_and_no_other_machine_is_asked(grounder, kitchen, monkeypatch):
    asked = []
    connect = socket.socket.connect

    def watch(self, address):
        asked.append(address)
        return connect(self, address)

    monkeypatch.setattr(socket.socket, 'connect', watch)
    monkeypatch.setenv('GRADIO_TEMP_DIR', 'as before')
    with DemoServer(grounder) as server:
        folder = Path(os.environ['GRADIO_TEMP_DIR'])
        server.desk.files(
            server.desk.ask(server.desk.show(kitchen), ['crack egg'], exclusive=False)
        )
        assert fetch(server)[0] == 200
        assert folder.is_dir()
    assert not folder.exists()
    assert os.environ['GRADIO_TEMP_DIR'] == 'as before'
    hosts = {address[0] for address in asked if isinstance(address, tuple)}
    assert hosts <= {'127.0.0.1', 'localhost'}


def test_a_port_that_is_taken_is_named(grounder):
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=str(port)), DemoServer(grounder, port=port):
            pass


def test_the_threshold_of_an_unknown_answer_is_answered_with_a_message(server):
    page = AskTab(server.desk, server.folder)

    assert 'press Find again' in page.spans_at({'answer': 'gone', 'threshold': 0.5})['trouble']
    assert 'trouble' in page.spans_at({})


@pytest.mark.parametrize('name', ['../outside.mp4', '{outside}'])
def test_a_video_outside_the_folder_is_not_shown(server, kitchen, tmp_path, name):
    outside = server.folder.root.parent / 'outside.mp4'
    outside.write_bytes(kitchen.read_bytes())
    page = AskTab(server.desk, server.folder)

    shown, said = page.show(name.format(outside=outside), print, server.folder.file)
    assert shown is None
    assert 'no such video in the folder' in said
    assert page.show('kitchen.mp4', print, server.folder.file)[0].path == kitchen


def test_a_full_disk_is_told_beside_the_queries(server, kitchen, monkeypatch):
    def fill_the_disk(*_):
        raise OSError(28, 'No space left for this file; free some')

    page = AskTab(server.desk, server.folder)
    video = server.desk.show(kitchen)
    monkeypatch.setattr('stgr.io.results.save_result', fill_the_disk)

    asked = video.key, 'crack egg', 'each alone', lambda *_, **__: None
    shown, video_said, queries_said = page._find(*asked)

    assert (shown, video_said) == (None, '')
    assert 'No space left for this file' in queries_said


def test_a_message_cannot_carry_markup():
    assert say('<b>bold</b>') == '<p role="alert">&lt;b&gt;bold&lt;/b&gt;</p>'
