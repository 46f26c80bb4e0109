"""Videos that could not be encoded or trained on, and why: ``failed.jsonl``, a line each."""

import json
import os
from collections.abc import Collection
from pathlib import Path

from stgr.io.atomic import write_atomically
from stgr.io.file_locks import locked

FAILED = 'failed.jsonl'


class FailedVideos:
    """The list of failures of a feature store or of a training run, shared by its processes.

    Args:
        root: Folder of the store or run.
    """

    def __init__(self, root: str | Path) -> None:
        self.path = Path(root) / FAILED

    def read(self) -> dict[str, str]:
        """Return the last reason of each failed video; a line cut by a crash is left out."""
        if not self.path.is_file():
            return {}
        reasons: dict[str, str] = {}
        for line in self.path.read_bytes().splitlines():
            entry = _parsed(line)
            if entry is not None:
                reasons[entry['video']] = entry['reason']
        return reasons

    def add(self, video_id: str, path: str | Path, reason: str) -> None:
        """Add a failure."""
        entry = {'video': video_id, 'path': str(path), 'reason': reason}
        line = json.dumps(entry, ensure_ascii=False).encode(errors='backslashreplace') + b'\n'
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with locked(self._lock), self.path.open('a+b') as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b'\n':
                    line = b'\n' + line  # a crash cut the last line
            file.write(line)

    def forget(self, video_ids: Collection[str]) -> None:
        """Take videos off the list."""
        if not self.path.is_file():
            return
        with locked(self._lock):
            lines = self.path.read_bytes().splitlines(keepends=True)
            kept = [line for line in lines if (entry := _parsed(line)) is not None
                    and entry['video'] not in video_ids]  # fmt: skip
            write_atomically(self.path, b''.join(kept))

    @property
    def _lock(self) -> Path:
        return self.path.with_name(f'.{FAILED}.lock')


def _parsed(line: bytes) -> dict[str, str] | None:
    try:
        entry = json.loads(line)
        return {'video': str(entry['video']), 'reason': str(entry['reason'])}
    except (ValueError, KeyError, TypeError):
        return None
