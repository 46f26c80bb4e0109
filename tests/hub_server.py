"""A Hugging Face hub of this machine that goes wrong in the way that a model's owner says."""

import hashlib
import json
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = 'a' * 40
WEIGHTS = b'w' * 200_000
FILES = {
    'config.json': b'{"model_type": "clip"}',
    'pytorch_model.bin': b'the same, as a pickle',
    'model.safetensors': WEIGHTS,
}


class Hub(BaseHTTPRequestHandler):
    """Answers for ``OWNER/model``, where the owner is a kind of trouble or ``sound``."""

    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        """Say nothing."""

    def do_GET(self):
        """Answer, or make trouble."""
        parts = self.path.split('?')[0].strip('/').split('/')
        if parts[0] == 'api':
            owner = parts[2] if len(parts) > 2 else 'none'
            self.answer(404, b'') if owner == 'none' else self.describe(owner)
        else:
            self.send(parts[0], parts[-1])

    do_HEAD = do_GET  # noqa: N815 - the name that the base class calls

    def describe(self, owner):
        """Say what a model consists of."""
        if owner.isdigit():
            self.answer(int(owner), b'')
        elif owner == 'hangs':
            time.sleep(60)
        elif owner == 'resets':
            self.reset()
        else:
            files = FILES if owner != 'old' else {k: FILES[k] for k in list(FILES)[:2]}
            self.answer(200, json.dumps({
                'id': f'{owner}/model', 'sha': COMMIT, 'tags': [], 'private': False, 'downloads': 0,
                'siblings': [entry(name, content) for name, content in files.items()],
            }).encode())  # fmt: skip

    def send(self, owner, name):
        """Send a file, or something else."""
        content = FILES.get(name)
        if content is None:
            self.answer(404, b'')
            return
        headers = {'X-Repo-Commit': COMMIT, 'ETag': f'"{hashlib.sha256(content).hexdigest()}"'}
        self.send_response(200)
        length = len(content) + (5 if owner == 'longer' and name.endswith('tensors') else 0)
        for key, value in {**headers, 'Content-Length': str(length)}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == 'HEAD':
            return
        if name == 'model.safetensors' and owner != 'sound':
            self.spoil(owner, content)
        else:
            self.wfile.write(content)

    def spoil(self, owner, content):
        """Send weights that are not those described."""
        if owner == 'other':  # as long, of other bytes
            self.wfile.write(content.replace(b'w', b'v'))
            return
        self.wfile.write(content[:1000])
        self.wfile.flush()
        if owner == 'stalls':
            time.sleep(60)
        elif owner == 'breaks':
            self.reset()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def answer(self, status, body):
        """Answer with a status."""
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def reset(self):
        """Break the connection off."""
        now = struct.pack('ii', 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
        self.connection.shutdown(socket.SHUT_RD)
        self.connection.close()


def entry(name, content):
    """Return what the hub says of a file; large ones are stored by their sha256."""
    said = {'rfilename': name, 'size': len(content)}
    blob = hashlib.sha1(b'blob %d\0' % len(content) + content).hexdigest()
    if name.endswith('.json'):
        return said | {'blobId': blob}
    digest = hashlib.sha256(content).hexdigest()
    return said | {
        'blobId': blob,
        'lfs': {'sha256': digest, 'size': len(content), 'pointerSize': 130},
    }


def serve(tls=None):
    """Return a running server and its address."""
    server = ThreadingHTTPServer(('127.0.0.1', 0), Hub)
    server.daemon_threads = True
    server.handle_error = lambda *_: None
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    scheme = 'http' if tls is None else 'https'
    return server, f'{scheme}://127.0.0.1:{server.server_port}'
