"""What is remembered of each video, so that a second run does only the rest."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stgr.io.atomic import remove_partial_files, write_atomically
from stgr.preparation.video_preparation import PreparedVideo

# Raised when the same files would give other captions.
RULES = 3


@dataclass(frozen=True)
class Record:
    """The outcome of one video.

    Args:
        made_from: Its files and the settings; another value means that it must be prepared anew.
        prepared: What came out; None: it failed.
        failed: Why.
    """

    made_from: dict[str, Any]
    prepared: PreparedVideo | None = None
    failed: str | None = None


class RecordStore:
    """A folder with a record, and pictures, of each video; each file appears whole or not at all.

    Args:
        root: The folder of training data.
    """

    def __init__(self, root: Path) -> None:
        self.records = root / 'records'
        self.pictures = root / 'pictures'
        self.transcripts = root / 'transcripts'

    def make(self) -> None:
        """Make the folders, and remove what a killed run left half-written; nobody is at work."""
        for folder in (self.records, self.pictures, self.transcripts):
            folder.mkdir(parents=True, exist_ok=True)
            remove_partial_files(folder)

    def read(self, video_id: str) -> Record | None:
        """Return what is known of a video; None if nothing is, or its record is damaged."""
        try:
            document = json.loads(self._path(video_id).read_bytes())
            prepared = document['prepared']
            return Record(
                document['made_from'],
                None if prepared is None else PreparedVideo.from_json(prepared),
                document['failed'],
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def write(self, video_id: str, record: Record, pictures: bytes = b'') -> None:
        """Keep a record; its pictures are there before it is."""
        if pictures:
            write_atomically(self.pictures / f'{video_id}.jpg', pictures)
        document = {
            'made_from': record.made_from,
            'prepared': None if record.prepared is None else record.prepared.as_json(),
            'failed': record.failed,
        }
        content = json.dumps(document, ensure_ascii=False)
        write_atomically(self._path(video_id), content.encode(errors='surrogatepass'))

    def read_pictures(self, video_id: str) -> bytes:
        """Return the pictures of a video, empty if there are none."""
        path = self.pictures / f'{video_id}.jpg'
        return path.read_bytes() if path.is_file() else b''

    def known(self) -> Counter[str]:
        """Return the ids of all records."""
        return Counter(file.stem for file in self.records.glob('*.json'))

    def _path(self, video_id: str) -> Path:
        return self.records / f'{video_id}.json'


def stamp(path: Path) -> list[Any]:
    """Return name, size and time of change of a file: what a copy in another folder keeps.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    facts = path.stat()
    return [path.name, facts.st_size, facts.st_mtime_ns]
