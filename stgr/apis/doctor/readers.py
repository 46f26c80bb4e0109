"""Do the video readers read? Each decodes a small video, in a process that may crash or hang."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from stgr.apis.doctor.finding import BROKEN, OK, OPTIONAL, WARNING, Finding

TIME_LIMIT_SEC = 60.0
# Half a second of red, then half a second of green; colours survive compression by a margin.
_WRITE = """
import sys
import numpy as np
from stgr.io import write_video
frames = np.zeros((10, 48, 64, 3), np.uint8)
frames[:5, ..., 0] = frames[5:, ..., 1] = 250
write_video(sys.argv[1], frames, 10)
"""
_READ = """
import sys
import numpy as np
from stgr.io import open_video
with open_video(sys.argv[1], sys.argv[2]) as video:
    means = video.read_at(np.array([0.2, 0.8])).mean(axis=(1, 2)).round()
expected = np.array([[250, 0, 0], [0, 250, 0]])
if np.abs(means - expected).max() > 30:
    sys.exit(f'wrong colours: {means.tolist()}, expected {expected.tolist()}')
"""
_READERS = {
    'pyav': ('av', BROKEN, "pip install --force-reinstall 'av>=17'"),
    'isolated': ('av', WARNING, "pip install --force-reinstall 'av>=17'"),
    'decord': ('decord', WARNING, "pip install --force-reinstall 'decord>=0.6.0'"),
    'torchcodec': ('torchcodec', WARNING, 'sudo apt-get install ffmpeg'),
}


def check_readers(limit_sec: float = TIME_LIMIT_SEC) -> Iterator[Finding]:
    """Yield a finding for each video reader: does it show the right frames of a small video?

    Args:
        limit_sec: A reader that takes longer hangs.
    """
    with tempfile.TemporaryDirectory(prefix='stgr-doctor-') as folder:
        video = Path(folder) / 'small.mp4'
        fault = _fault(_WRITE, [str(video)], limit_sec)
        if fault:
            remedy = _READERS['pyav'][2]
            yield Finding('writing videos', BROKEN, f'a small video fails: {fault}', remedy)
            return
        yield Finding('writing videos', OK, 'a small video is written')
        for reader in _READERS:
            yield check_reader(reader, video, limit_sec)


def check_reader(reader: str, video: Path, limit_sec: float = TIME_LIMIT_SEC) -> Finding:
    """Return whether a reader shows the frames of a small video.

    Args:
        reader: Its registered name.
        video: Red, then green.
        limit_sec: Longer is hanging.
    """
    module, level, remedy = _READERS[reader]
    name = f'reader {reader}'
    if find_spec(module) is None and level != BROKEN:
        return Finding(name, OPTIONAL, f'{module} is not installed', f'pip install {module}')
    fault = _fault(_READ, [str(video), reader], limit_sec)
    if fault:
        return Finding(name, level, f'a small video fails: {fault}', remedy)
    return Finding(name, OK, 'decodes a small video')


def _fault(program: str, arguments: list[str], limit_sec: float) -> str:
    """Run a program in another process; return what went wrong, '' if nothing did."""
    command = [sys.executable, '-c', program, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=limit_sec, check=False)
    except subprocess.TimeoutExpired:
        return f'no end after {limit_sec:g} s'
    if done.returncode == 0:
        return ''
    lines = done.stderr.decode(errors='replace').strip().splitlines()
    return lines[-1] if lines and done.returncode > 0 else f'ended with status {done.returncode}'
