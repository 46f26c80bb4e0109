"""Chromium driven by its DevTools protocol over a pair of pipes: no driver program, no package."""

import base64
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

# Chromium reads commands from descriptor 3 and writes answers to 4; a small Python puts our pipes
# there, since subprocess can pass descriptors on but not renumber them.
_LAUNCH = (
    'import os, sys\n'
    'read, write = int(sys.argv[1]), int(sys.argv[2])\n'
    'high = [os.dup(os.dup(os.dup(fd))) for fd in (read, write)]\n'
    'os.dup2(high[0], 3); os.dup2(high[1], 4)\n'
    'os.execv(sys.argv[3], sys.argv[3:])\n'
)
_KEYS = {'Enter': ('Enter', '\r'), 'ArrowLeft': ('ArrowLeft', ''), 'ArrowRight': ('ArrowRight', ''),
         'ArrowDown': ('ArrowDown', ''), 'ArrowUp': ('ArrowUp', '')}  # fmt: skip
SHIFT = 8


def find_chromium() -> str | None:
    names = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable')
    return next((path for path in map(shutil.which, names) if path), None)


class Chromium:
    """One page of a headless browser with a profile of its own."""

    def __init__(self, program: str, profile: Path) -> None:
        read_commands, self._commands = os.pipe()
        self._answers, write_answers = os.pipe()
        arguments = [
            program, '--headless=new', '--remote-debugging-pipe', '--no-first-run', '--disable-gpu',
            '--no-sandbox',  # tests may run as root; only our own page is opened
            '--disable-dev-shm-usage', '--disable-extensions', '--disable-background-networking',
            '--hide-scrollbars', '--force-device-scale-factor=1', f'--user-data-dir={profile}',
            'about:blank',
        ]  # fmt: skip
        launcher = [sys.executable, '-c', _LAUNCH, str(read_commands), str(write_answers)]
        self._process = subprocess.Popen(
            launcher + arguments,
            pass_fds=(read_commands, write_answers),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_commands)
        os.close(write_answers)
        # A browser that hangs must not hang the tests: its end closes the pipe we read from.
        self._guard = threading.Timer(120, self._process.kill)
        self._guard.start()
        self._rest = b''
        self._count = 0
        self._session: str | None = None
        self.errors: list[str] = []
        self.requests: list[str] = []  # addresses asked for, once ``watch_network`` was called
        target = self.ask('Target.createTarget', url='about:blank')['targetId']
        attached = self.ask('Target.attachToTarget', targetId=target, flatten=True)
        self._session = attached['sessionId']
        self.ask('Page.enable')
        self.ask('Runtime.enable')
        self.ask('Log.enable')

    def close(self) -> None:
        os.close(self._commands)  # the browser's cue to leave
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._guard.cancel()
        os.close(self._answers)

    def ask(self, method: str, **params: object) -> dict:
        """Send a command and return its result; errors of the page met on the way are kept."""
        self._count += 1
        message = {'id': self._count, 'method': method, 'params': params}
        if self._session:
            message['sessionId'] = self._session
        os.write(self._commands, json.dumps(message).encode() + b'\0')
        while True:
            answer = self._read()
            if answer.get('id') == self._count:
                assert 'error' not in answer, f'{method}: {answer["error"]}'
                return answer['result']
            if answer.get('method') in ('Runtime.exceptionThrown', 'Log.entryAdded'):
                self.errors.append(json.dumps(answer['params']))
            if answer.get('method') == 'Network.requestWillBeSent':
                self.requests.append(answer['params']['request']['url'])

    def _read(self) -> dict:
        while b'\0' not in self._rest:
            chunk = os.read(self._answers, 1 << 20)
            assert chunk, 'Chromium has ended'
            self._rest += chunk
        message, _, self._rest = self._rest.partition(b'\0')
        return json.loads(message)

    def show_size(self, width: int, height: int) -> None:
        screen = {'width': width, 'height': height, 'deviceScaleFactor': 1, 'mobile': False}
        self.ask('Emulation.setDeviceMetricsOverride', **screen)

    def open(self, url: str) -> None:
        self.ask('Page.navigate', url=url)
        self.wait("document.readyState === 'complete'")

    def run(self, expression: str) -> object:
        """Return the value of a JavaScript expression."""
        result = self.ask('Runtime.evaluate', expression=expression, returnByValue=True)
        assert 'exceptionDetails' not in result, result
        return result['result'].get('value')

    def wait(self, condition: str, timeout_sec: float = 20) -> None:
        """Wait for a condition in JavaScript; while a page loads, its parts may be missing."""
        deadline = time.monotonic() + timeout_sec
        while not self.run(
            f'(() => {{ try {{ return {condition} }} catch {{ return false }} }})()'
        ):
            assert time.monotonic() < deadline, f'{condition} never came true; {self.errors}'
            time.sleep(0.02)

    def text(self, selector: str) -> str:
        return self.run(f'document.querySelector({json.dumps(selector)}).innerText')

    def click(self, selector: str, at: tuple[float, float] = (0.5, 0.5), *, count: int = 1) -> None:
        """Press the mouse on an element, ``at`` being the place inside it, 0 to 1."""
        left, top, width, height = self._resting_box(selector)
        place = {'x': left + at[0] * width, 'y': top + at[1] * height}
        for kind in ('mousePressed', 'mouseReleased'):
            self.ask(
                'Input.dispatchMouseEvent', type=kind, button='left', clickCount=count, **place
            )

    def _resting_box(self, selector: str) -> list[float]:
        """Return where an element is, once the page does not move it any more."""
        box = None
        for _ in range(100):
            before, box = (
                box,
                self.run(
                    f'(() => {{ const e = document.querySelector({json.dumps(selector)});'
                    'e.scrollIntoView({block: "nearest"}); const b = e.getBoundingClientRect();'
                    'return [b.left, b.top, b.width, b.height]; })()'
                ),
            )
            if box == before:
                break
            time.sleep(0.05)
        return box

    def press(self, key: str, modifiers: int = 0) -> None:
        code, text = _KEYS.get(key, (f'Key{key.upper()}', key))
        common = {'key': key, 'code': code, 'modifiers': modifiers}
        self.ask('Input.dispatchKeyEvent', type='keyDown', text=text, **common)
        self.ask('Input.dispatchKeyEvent', type='keyUp', **common)

    def type(self, text: str) -> None:
        self.ask('Input.insertText', text=text)

    def watch_network(self) -> None:
        self.ask('Network.enable')

    def choose_file(self, selector: str, path: Path) -> None:
        """Choose a file in a file field, as a person does in the system's dialogue."""
        root = self.ask('DOM.getDocument')['root']['nodeId']
        node = self.ask('DOM.querySelector', nodeId=root, selector=selector)['nodeId']
        self.ask('DOM.setFileInputFiles', nodeId=node, files=[str(path)])

    def allow_downloads(self, folder: Path) -> None:
        self.ask('Page.setDownloadBehavior', behavior='allow', downloadPath=str(folder))

    def screenshot(self, path: Path) -> None:
        kind = {'format': 'jpeg', 'quality': 85} if path.suffix == '.jpg' else {'format': 'png'}
        path.write_bytes(base64.b64decode(self.ask('Page.captureScreenshot', **kind)['data']))
