"""The hub refuses, hangs, breaks off, sends something else, or its certificate is not valid."""

import json
import os
import ssl
import subprocess
import sys
from pathlib import Path

import hub_server
import pytest

from stgr.io.hub import HubError, has_weights, hub_folder

CERTIFICATES = Path(__file__).parent / 'certificates'
VISIT = """
import json, sys, time
from concurrent.futures import ThreadPoolExecutor
from stgr.io.hub import hub_folder

def visit(name):
    started = time.monotonic()
    try:
        said = {'folder': str(hub_folder(name))}
    except FileNotFoundError as error:
        said = {'error': str(error)}
    return json.dumps({'name': name, 'seconds': time.monotonic() - started, **said})

with ThreadPoolExecutor(12) as at_once:
    print(*at_once.map(visit, sys.argv[1:]), sep='\\n')
"""


@pytest.fixture(scope='module')
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp('hub')


def visit(cache, *names, **variables):
    """Ask for models in a process of its own: the hub's address is read when it begins."""
    environment = {name: value for name, value in os.environ.items() if name != 'HF_HUB_OFFLINE'}
    own = {'HF_HOME': str(cache), 'HF_HUB_ETAG_TIMEOUT': '1', 'HF_HUB_DOWNLOAD_TIMEOUT': '1'}
    own['PYTHONPATH'] = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, '-c', VISIT, *names], env=environment | own | variables,
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert 'Traceback' not in done.stderr
    return {said['name']: said for said in map(json.loads, done.stdout.splitlines())}


TROUBLES = {
    '404': 'no such model for you (status 404); check the name',
    '429': 'asks to wait (status 429, too many requests); try again later',
    '500': 'has a fault of its own (status 500); try again later',
    'hangs': 'does not answer in time; try again later',
    'resets': '; check the network',
    'breaks': '',
    'shorter': '',
    'longer': '',
    'stalls': 'does not answer in time',
    'other': 'model.safetensors came damaged (200000 bytes',
}


@pytest.fixture(scope='module')
def visited(cache):
    server, address = hub_server.serve()
    names = [f'{owner}/model' for owner in [*TROUBLES, 'sound', 'old']]
    try:
        said = visit(cache, *names, HF_ENDPOINT=address)
        again = visit(cache, 'sound/model', 'breaks/model', HF_ENDPOINT='http://127.0.0.1:9')
    finally:
        server.shutdown()
    return said, again


@pytest.mark.parametrize('owner', TROUBLES)
def test_trouble_is_one_line_with_its_cause_and_takes_a_bounded_time(owner, visited):
    said = visited[0][f'{owner}/model']

    assert 'folder' not in said
    assert '\n' not in said['error']
    assert TROUBLES[owner] in said['error']
    if owner != 'other':
        assert 'copy the folder here and give its path' in said['error']
    assert said['seconds'] < 60  # of a second's patience each; ten seconds by default


def test_what_is_sound_is_downloaded_and_then_taken_from_the_cache(visited):
    said, again = visited

    folder = Path(said['sound/model']['folder'])
    assert (folder / 'model.safetensors').read_bytes() == hub_server.WEIGHTS
    assert not (folder / 'pytorch_model.bin').exists()
    assert again['sound/model']['folder'] == str(folder)
    assert (Path(said['old/model']['folder']) / 'pytorch_model.bin').is_file()


@pytest.mark.parametrize('owner', ['breaks', 'shorter', 'longer', 'stalls', 'other'])
def test_nothing_half_written_is_taken_for_a_model(owner, visited, cache):
    again = visited[1]

    (snapshot,) = cache.glob(f'hub/models--{owner}--model/snapshots/*')
    assert (snapshot / 'config.json').is_file()
    assert not has_weights(snapshot)
    assert 'nor cached (a download of it broke off)' in again['breaks/model']['error']
    assert 'Connection refused; check the network' in again['breaks/model']['error']


@pytest.mark.parametrize(
    ('name', 'trusted', 'cause'),
    [
        ('early', True, 'certificate is not yet valid'),
        ('expired', True, 'certificate has expired'),
        ('early', False, 'self-signed certificate'),
    ],
)
def test_a_certificate_that_is_not_valid_points_at_the_clock(name, trusted, cause, cache):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(CERTIFICATES / f'{name}.pem', CERTIFICATES / 'key.pem')
    server, address = hub_server.serve(tls)
    trust = {'SSL_CERT_FILE': str(CERTIFICATES / f'{name}.pem')} if trusted else {}
    try:
        said = visit(cache, 'some/model', HF_ENDPOINT=address, **trust)['some/model']['error']
    finally:
        server.shutdown()

    assert f'its certificate is refused ({cause}); check the clock of this machine' in said
    assert '\n' not in said


def test_offline_is_said_to_be_asked_for():
    with pytest.raises(HubError, match='HF_HUB_OFFLINE is set; unset it to download'):
        hub_folder('nobody/no-such-model')


def test_a_name_that_cannot_be_one_is_refused():
    with pytest.raises(HubError, match='neither a folder here nor a name on the hub'):
        hub_folder('no body/*')


def test_weights_in_parts_are_whole_when_all_parts_are_there(tmp_path):
    parts = {'a': 'model-1.safetensors', 'b': 'model-2.safetensors'}
    (tmp_path / 'model.safetensors.index.json').write_text(json.dumps({'weight_map': parts}))
    (tmp_path / 'model-1.safetensors').touch()
    assert not has_weights(tmp_path)
    (tmp_path / 'model-2.safetensors').touch()
    assert has_weights(tmp_path)
    (tmp_path / 'model.safetensors.index.json').write_text('{"weight')
    assert not has_weights(tmp_path)
