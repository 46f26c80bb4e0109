"""``stgr demo`` on the command line."""

import socket
import sys
import urllib.request

import pytest

from stgr.cli import main
from stgr.search import build_index


def test_without_gradio_the_error_is_the_command_that_installs_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'gradio', None)

    assert main(['demo']) == 1
    assert "pip install 'stgr[demo]'" in capsys.readouterr().err


def test_the_page_is_served_until_ctrl_c(monkeypatch, capsys, tiny_model, kitchen_folder):
    pytest.importorskip('gradio')
    fetched = []

    def visit():
        url = capsys.readouterr().out.split()[1]
        with urllib.request.urlopen(url, timeout=20) as page:
            fetched.append(page.read())

    monkeypatch.setattr('stgr.commands.demo._wait_for_ctrl_c', visit)
    config, weights = map(str, tiny_model)
    status = main(
        ['demo', '--videos', str(kitchen_folder), '--model', config, '--weights', weights]
    )

    assert status == 0
    assert b'kitchen.mp4' in fetched[0]  # it can be picked


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--videos', 'no_such_folder'], 'no_such_folder is no folder; give --videos a folder'),
        (['--model', 'no_such_model'], 'no_such_model'),
        (['--model', '{tmp}', '--weights', 'a.pth'], 'give no --weights with it'),
        (['--model', '{tmp}'], 'config.json'),  # a folder, but of no model
        (['--index', 'no_such_index'], 'no_such_index'),
        (['--port', '99999'], 'give --port another'),
    ],
)
def test_a_mistake_is_one_line(arguments, message, capsys, tmp_path):
    pytest.importorskip('gradio')

    assert main(['demo', *(part.format(tmp=tmp_path) for part in arguments)]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith('error: ')
    assert message in line


def test_a_port_that_is_taken_is_named(capsys):
    pytest.importorskip('gradio')
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert main(['demo', '--port', str(port)]) == 1
    assert f'port {port} cannot be used' in capsys.readouterr().err


@pytest.fixture
def served(monkeypatch):
    """What the page would be served with, and no server."""
    pytest.importorskip('gradio')
    given = []

    class Server:
        url = 'http://127.0.0.1'

        def __init__(self, grounder, **_):
            given.append(grounder)

        def __enter__(self):
            raise KeyboardInterrupt

        def __exit__(self, *_):
            pass

    monkeypatch.setattr('stgr.demo_page.server.DemoServer', Server)
    return given


def test_a_saved_model_is_taken_by_its_folder(grounder, tmp_path, served, kitchen):
    grounder.save_pretrained(tmp_path / 'saved')

    main(['demo', '--model', str(tmp_path / 'saved')])

    (given,) = served
    answer = given.ground(kitchen, queries=['grate cheese'])
    expected = grounder.ground(kitchen, queries=['grate cheese'])
    assert [q.spans for q in answer.queries] == [q.spans for q in expected.queries]


def test_options_hold_beside_an_index_too(kitchen_folder, tmp_path, served, capsys):
    build_index(kitchen_folder, tmp_path / 'index')
    command = ['demo', '--index', str(tmp_path / 'index')]

    main([*command, '--fps', '4'])

    assert served[0].inferencer.rate_fps == 4
    assert main([*command, '--prompts', 'prompts.json']) == 1
    assert 'prompts need --method gem' in capsys.readouterr().err
