"""A Hugging Face Hub of one process: repositories in memory, over HTTP on 127.0.0.1."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = 'c' * 40


class FakeHub:
    """Takes commits of whole files and gives them out again; ``requests`` tells what was asked."""

    def __init__(self):
        self.repositories = {}
        self.requests = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_POST(self):
                hub.post(self)

            def do_GET(self):
                hub.get(self)

            def do_HEAD(self):
                hub.get(self)

        self.server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self.server.server_port}'
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def post(self, request):
        body = request.rfile.read(int(request.headers['Content-Length']))
        path = request.path.split('?')[0]
        self.requests.append(('POST', path, request.headers.get('Authorization')))
        if path == '/api/repos/create':
            asked = json.loads(body)
            name = '/'.join(filter(None, (asked.get('organization'), asked['name'])))
            private = asked.get('visibility') == 'private' or bool(asked.get('private'))
            self.repositories[name] = {'private': private, 'files': {}}
            return send_json(request, {'url': f'{self.url}/{name}', 'id': name})
        if path == '/api/validate-yaml':
            return send_json(request, {'errors': [], 'warnings': []})
        name = '/'.join(path.split('/')[3:5])
        if '/preupload/' in path:
            files = json.loads(body)['files']
            modes = [
                {'path': f['path'], 'uploadMode': 'regular', 'shouldIgnore': False} for f in files
            ]
            return send_json(request, {'files': modes})
        lines = [json.loads(line) for line in body.splitlines()]
        for line in lines:
            if line['key'] == 'file':
                content = base64.b64decode(line['value']['content'])
                self.repositories[name]['files'][line['value']['path']] = content
        self.repositories[name]['message'] = lines[0]['value']['summary']
        return send_json(
            request, {'commitUrl': f'{self.url}/{name}/commit/{COMMIT}', 'commitOid': COMMIT}
        )

    def get(self, request):
        path = request.path.split('?')[0]
        self.requests.append((request.command, path, request.headers.get('Authorization')))
        parts = path.strip('/').split('/')
        if parts[:2] == ['api', 'models']:
            name = '/'.join(parts[2:4])
            if name not in self.repositories:
                return send(request, 404, b'', {'X-Error-Code': 'RepoNotFound'})
            if parts[4:5] == ['tree']:
                files = self.repositories[name]['files'].items()
                tree = [
                    {'type': 'file', 'path': file, 'size': len(content), 'oid': file}
                    for file, content in files
                ]
                return send_json(request, tree)
            files = [{'rfilename': file} for file in self.repositories[name]['files']]
            return send_json(request, {'id': name, 'sha': COMMIT, 'siblings': files})
        stored = self.repositories.get('/'.join(parts[:2]), {'files': {}})
        content = stored['files'].get('/'.join(parts[4:]))
        if content is None:
            return send(request, 404, b'', {'X-Error-Code': 'EntryNotFound'})
        tag = f'"{len(content)}-{parts[-1]}"'
        return send(request, 200, content, {'ETag': tag, 'X-Repo-Commit': COMMIT})


def send_json(request, value):
    send(request, 200, json.dumps(value).encode(), {'Content-Type': 'application/json'})


def send(request, status, content, headers):
    request.send_response(status)
    for name, value in {**headers, 'Content-Length': str(len(content))}.items():
        request.send_header(name, value)
    request.end_headers()
    if request.command != 'HEAD':
        request.wfile.write(content)
