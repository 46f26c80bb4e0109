"""The annotation server over HTTP, without a browser."""

import http.client
import io
import json
import threading

import cv2
import numpy as np
import pytest

from stgr.annotation import read_history

POINT = {
    'annotator': 'ann',
    'video': 0,
    'step': 0,
    'second': 1,
    'status': 'point',
    'x': 12,
    'y': 34,
}


@pytest.fixture
def saved(work, folder):
    return lambda annotator='ann': read_history(folder, annotator, work[0])


def raw(server, method, path, headers, body=b''):
    """Send exactly these headers."""
    connection = http.client.HTTPConnection('127.0.0.1', server.server_port, timeout=20)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    if body:
        connection.send(body)
    response = connection.getresponse()
    status, content = response.status, response.read()
    connection.close()
    return status, content


def test_an_answer_is_in_the_file_when_the_server_says_so(serve, fetch, saved, folder):
    status, answer = fetch(serve(), 'save', POINT)

    assert (status, answer) == (
        200, {'step': 0, 'second': 1, 'status': 'point', 'x': 12.0, 'y': 34.0},
    )  # fmt: skip
    document = json.loads((folder / 'clicks' / 'ann' / 'kitchen.json').read_text())
    assert document == {
        'format': 'stgr-clicks/1',
        'annotator': 'ann',
        'video_id': 'kitchen',
        'frame_size': [320, 240],
        'answers': [
            {'step': 0, 'name': 'crack egg', 'second': 1, 'status': 'point', 'x': 12, 'y': 34}
        ],
    }
    assert [path.name for path in (folder / 'clicks' / 'ann').iterdir()] == ['kitchen.json']


def test_a_second_server_goes_on_where_the_first_one_died(serve, fetch):
    fetch(serve(), 'save', POINT)
    other = serve()  # nothing was closed

    _, work = fetch(other, 'work/ann')
    assert work['videos'][0]['answers'] == [
        {'step': 0, 'second': 1, 'status': 'point', 'x': 12.0, 'y': 34.0}
    ]
    assert fetch(other, 'undo', {'annotator': 'ann', 'video': 0}) == (
        200, {'step': 0, 'second': 1, 'status': 'open', 'x': None, 'y': None},
    )  # fmt: skip
    assert fetch(other, 'undo', {'annotator': 'ann', 'video': 0}) == (200, None)


def test_two_servers_do_not_overwrite_each_other(serve, fetch, saved):
    servers = [serve(), serve()]
    for second in (2, 3, 4, 5):
        fetch(servers[second % 2], 'save', {**POINT, 'step': 1, 'second': second})

    assert [answer.second for answer in saved()] == [2, 3, 4, 5]


def test_undo_brings_back_the_answer_before(serve, fetch, saved):
    server = serve()
    fetch(server, 'save', POINT)
    fetch(server, 'save', {**POINT, 'status': 'corrupt', 'x': None, 'y': None})
    fetch(server, 'save', {**POINT, 'status': 'corrupt', 'x': None, 'y': None})  # counts once

    assert [answer.status for answer in saved()] == ['point', 'corrupt']
    assert fetch(server, 'undo', {'annotator': 'ann', 'video': 0})[1]['status'] == 'point'


def test_work_is_in_packages_and_each_annotator_has_their_own(serve, fetch):
    server = serve()
    fetch(server, 'save', POINT)

    _, work = fetch(server, 'work/bob')
    assert work == {
        'annotator': 'bob',
        'videos': [{
            'id': 'kitchen', 'width': 320, 'height': 240, 'answers': [],
            'packages': [
                {'step': 0, 'name': 'crack egg', 'first': 0, 'last': 2},
                {'step': 1, 'name': 'stir pan', 'first': 2, 'last': 5},
            ],
        }],
    }  # fmt: skip


@pytest.mark.parametrize('second', [0, 2, 5])
def test_a_frame_is_that_of_its_second(serve, fetch, second):
    status, content = fetch(serve(), f'frame/0/{second}.jpg')

    assert status == 200
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert picture.shape == (240, 320, 3)
    yellow = (picture[150, :, 0] > 200) & (picture[150, :, 2] < 130)
    assert np.flatnonzero(yellow).mean() == pytest.approx(90 + 25 * second, abs=2)


def test_frames_far_apart_are_still_there_when_many_were_read(serve, fetch, monkeypatch):
    monkeypatch.setattr('stgr.annotation.frames.KEPT_PICTURES', 2)
    server = serve()

    first = fetch(server, 'frame/0/0.jpg')
    fetch(server, 'frame/0/5.jpg')
    assert fetch(server, 'frame/0/0.jpg') == first


@pytest.mark.parametrize(
    ('change', 'status', 'message'),
    [
        ({'second': 3}, 400, 'second 3 lies outside 0-2'),
        ({'second': -1}, 400, 'outside'),
        ({'second': 1.0}, 400, 'second must be of type int'),
        ({'second': True}, 400, 'second must be of type int'),
        ({'step': 2}, 400, 'step 2 is none of the 2'),
        ({'step': -1}, 400, 'step -1 is none of the 2'),
        ({'video': 1}, 404, 'no video 1'),
        ({'video': -1}, 404, 'no video -1'),
        ({'status': 'maybe'}, 400, "status 'maybe' must be one of"),
        ({'status': 'corrupt'}, 400, 'x and y belong to status "point"'),
        ({'x': None}, 400, 'x and y belong to status "point"'),
        ({'y': None}, 400, 'y must be a number'),
        ({'x': '12'}, 400, 'x must be a number'),
        ({'x': 320.1}, 400, 'outside the frame of 320x240'),
        ({'y': -0.1}, 400, 'outside the frame'),
        ({'x': float('nan')}, 400, 'outside any frame'),
        ({'x': 10**400}, 400, 'outside any frame'),
        ({'annotator': '../../ann'}, 400, 'must be 1 to 40 letters'),
        ({'annotator': ''}, 400, 'must be 1 to 40 letters'),
        ({'annotator': 'a' * 41}, 400, 'must be 1 to 40 letters'),
        ({'annotator': 'ann\n'}, 400, 'must be 1 to 40 letters'),
        ({'annotator': None}, 400, 'annotator must be of type str'),
    ],
)
def test_an_answer_that_fits_nothing_is_refused_and_not_saved(
    serve, fetch, folder, change, status, message
):
    found, answer = fetch(serve(), 'save', {**POINT, **change})

    assert found == status
    assert message in answer['error']
    assert not (folder / 'clicks').exists()


@pytest.mark.parametrize(
    'place',
    [
        'nothing', 'page', '../server.py', '..%2fserver.py', 'page/../../server.py', '/etc/passwd',
        'frame/0/6.jpg', 'frame/1/0.jpg', 'frame/0/-1.jpg', 'frame/0/1.png', 'frame/0/9999999.jpg',
        'save', 'work/', 'clicks/ann/kitchen.json', '%2e%2e/%2e%2e/server.py', '..%5cserver.py',
        'page/%2e%2e%2fserver.py', 'frame/../frame/0/1.jpg', 'frame/%2e%2e/0/1.jpg', '%00',
    ],
)  # fmt: skip
def test_what_is_not_listed_is_not_served(serve, place):
    server = serve()
    host = f'127.0.0.1:{server.server_port}'

    status, content = raw(server, 'GET', f'/{server.token}/{place}', {'Host': host})

    assert status == 404
    assert set(json.loads(content)) == {'error'}


@pytest.mark.parametrize('name', ['..', '..%2f..%2fsecret', '%2fetc', 'a%2fb', '.', 'a%00b'])
def test_a_name_that_is_a_path_is_refused(serve, folder, name):
    server = serve()
    host = f'127.0.0.1:{server.server_port}'
    place = '/'.join(['', server.token, 'work', name])

    status, content = raw(server, 'GET', place, {'Host': host})

    assert status in (400, 404)
    assert set(json.loads(content)) == {'error'}
    assert not (folder / 'clicks').exists()


def test_only_this_machine_is_listened_to(serve):
    assert serve().server_address[0] == '127.0.0.1'


@pytest.mark.parametrize(
    ('path', 'host', 'reason'),
    [
        ('/', '127.0.0.1:{port}', 'no secret'),
        ('/{token}', '127.0.0.1:{port}', 'no slash behind it'),
        ('/{token}x/', '127.0.0.1:{port}', 'a wrong secret'),
        ('/é/', '127.0.0.1:{port}', 'not even text'),
        ('/{token}/', 'evil.example:{port}', 'a name that resolves to this machine'),
        ('/{token}/', 'evil.example', 'the same without a port'),
        ('/{token}/', '127.0.0.1', 'another port'),
        ('/{token}/', None, 'no name'),
        ('http://127.0.0.1:{port}/{token}/', '127.0.0.1:{port}', 'as to a proxy'),
    ],
)
def test_strangers_are_refused(serve, path, host, reason):
    server = serve()
    facts = {'port': server.server_port, 'token': server.token}
    headers = {} if host is None else {'Host': host.format(**facts)}
    connection_path = path.format(**facts).encode().decode('latin1')

    connection = http.client.HTTPConnection('127.0.0.1', server.server_port, timeout=20)
    connection._validate_path = lambda url: None
    connection._encode_request = lambda request: request.encode('latin1')
    connection.putrequest('GET', connection_path, skip_host=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()

    assert response.status == 403, reason
    assert server.token not in response.read().decode()
    connection.close()


def test_another_site_cannot_post(serve, fetch, folder):
    server = serve()

    assert fetch(server, 'save', POINT, Origin='http://evil.example')[0] == 403
    assert fetch(server, 'save', POINT, Origin='null')[0] == 403
    assert fetch(server, 'save', POINT, **{'Content-Type': 'text/plain'})[0] == 415
    assert not (folder / 'clicks').exists()
    own = f'http://127.0.0.1:{server.server_port}'
    assert fetch(server, 'save', POINT, Origin=own)[0] == 200


@pytest.mark.parametrize(
    ('body', 'status'),
    [(b'', 400), (b'{', 400), (b'\xff', 400), (b'[' * 4000, 400), (b'[]', 400), (b'3', 400),
     (b' ' * 4097, 413)],
)  # fmt: skip
def test_bad_bodies_are_refused(serve, fetch, body, status):
    found, answer = fetch(serve(), 'save', body)

    assert found == status
    assert answer['error']


@pytest.mark.parametrize(
    ('length', 'status'), [(None, 411), ('-5', 411), ('x', 411), ('10000000000', 411), ('1e3', 411)]
)
def test_a_length_that_is_none_is_refused(serve, length, status):
    server = serve()
    headers = {'Host': f'127.0.0.1:{server.server_port}', 'Content-Type': 'application/json'}
    headers |= {} if length is None else {'Content-Length': length}

    assert raw(server, 'POST', f'/{server.token}/save', headers)[0] == status


def test_a_server_for_one_annotator_refuses_others(serve, fetch, folder):
    server = serve(annotator='bob')

    assert fetch(server, 'who') == (200, {'annotator': 'bob'})
    assert fetch(server, 'save', POINT)[0] == 403
    assert fetch(server, 'work/ann')[0] == 403
    assert fetch(server, 'work/bob')[0] == 200


def test_a_full_disk_is_said_and_the_old_answers_stay(serve, fetch, saved, monkeypatch):
    server = serve()
    fetch(server, 'save', POINT)

    def no_space(*_):
        raise OSError(28, 'No space left')

    monkeypatch.setattr('stgr.annotation.answers.write_atomically', no_space)
    status, answer = fetch(server, 'save', {**POINT, 'second': 2})

    assert status == 500
    assert 'No space left' in answer['error']
    assert [answer.second for answer in saved()] == [1]


def test_answers_sent_at_once_are_all_kept(serve, fetch, saved):
    server = serve()
    bodies = [{**POINT, 'step': 1, 'second': second} for second in (2, 3, 4, 5)] * 4
    threads = [
        threading.Thread(target=fetch, args=(server, 'save', {**body, 'x': index}))
        for index, body in enumerate(bodies)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answer.point_px[0] for answer in saved()) == list(range(16))


def test_pages_carry_a_policy_that_allows_nothing_foreign(serve, fetch):
    server = serve()
    connection = http.client.HTTPConnection('127.0.0.1', server.server_port, timeout=20)
    connection.request('GET', f'/{server.token}/')
    response = connection.getresponse()
    page = response.read().decode()

    policy = response.headers['Content-Security-Policy']
    assert policy.startswith("default-src 'none';")
    assert 'unsafe' not in policy
    assert response.headers['Referrer-Policy'] == 'no-referrer'
    assert 'http' not in page.replace('http-equiv', '')
    connection.request('GET', f'/{server.token}/page.js')  # the connection is kept
    assert b'use strict' in io.BytesIO(connection.getresponse().read()).readline()
    connection.close()
