import json
import threading
import urllib.error
import urllib.request

import cv2
import numpy as np
import pytest

from stgr.annotation.project import begin_work
from stgr.annotation.server import AnnotationServer
from stgr.io import write_video

SECONDS = 6


def kitchen_frame(second):
    """A picture of 320 x 240 that shows its second: a ball over a pan, moving right."""
    frame = np.full((240, 320, 3), (222, 214, 200), np.uint8)
    cv2.rectangle(frame, (0, 170), (320, 240), (150, 116, 88), -1)
    cv2.ellipse(frame, (160, 175), (90, 24), 0, 0, 360, (60, 62, 66), -1)
    cv2.circle(frame, (90 + 25 * second, 150), 18, (236, 190, 60), -1)
    cv2.putText(frame, str(second), (12, 44), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (70, 80, 90), 2)
    return frame


@pytest.fixture(scope='session')
def kitchen(tmp_path_factory):
    """A video of six seconds, 320 x 240."""
    frames = np.stack([kitchen_frame(frame // 5) for frame in range(SECONDS * 5)])
    path = tmp_path_factory.mktemp('kitchen') / 'kitchen.mp4'
    write_video(path, frames, 5)
    return path


@pytest.fixture
def actions(tmp_path):
    path = tmp_path / 'actions.json'
    steps = [
        {'segment': [0, 2], 'id': 0, 'sentence': 'crack egg'},
        {'segment': [2, 5], 'id': 1, 'sentence': 'stir_pan'},
    ]
    path.write_text(json.dumps({'kitchen': steps}))
    return path


@pytest.fixture
def folder(tmp_path):
    return tmp_path / 'out'


@pytest.fixture
def work(kitchen, actions, folder):
    return begin_work(folder, [kitchen], actions)


@pytest.fixture
def serve(work, folder):
    """Return a function that starts a server; all of them end with the test."""
    running = []

    def start(**options):
        server = AnnotationServer(folder, work, **options)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.fixture
def fetch():
    """Return a function that asks a server: status and what came."""

    def ask(server, place, body=None, **headers):
        url = server.url + place if not place.startswith('http') else place
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {'Content-Type': 'application/json', **headers} if data is not None else headers
        request = urllib.request.Request(url, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                status, kind, content = response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            status, kind, content = error.code, error.headers, error.read()
        is_json = kind['Content-Type'] == 'application/json'
        return status, json.loads(content) if is_json else content

    return ask
