"""Which shard holds a video: a sorted, memory-mapped table beside the shards.

The index is a copy of what the shards' headers say. It is never trusted alone: shards that it does
not know are read, those that are gone or have another size are left out, and where it is missing or
damaged all headers are read again. So writers need not agree on it; the last one that saves it
wins, and nothing depends on who that is.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stgr.io.atomic import write_atomically
from stgr.io.feature_shards import SHARD_SUFFIX, ShardTable, read_table
from stgr.io.safetensors_header import header_bytes, read_header

INDEX = 'index'
INDEX_VERSION = '1'
TOLERATED = 0.1
"""Share of shards that a saved index may lack: with a million videos saving takes seconds."""
_COLUMNS = {'keys': '<i8', 'name_ends': '<i8', 'shards': '<i4', 'rows': '<i8', 'names': '|u1'}


@dataclass(frozen=True)
class VideoPlace:
    """Where a video lies: the file name of its shard, and its rows in it."""

    shard: str
    rows: range


class FeatureIndex:
    """Where the videos of a folder of shards lie.

    Args:
        folder: The folder of the shards; it need not exist.

    Attributes:
        damaged: Why, for each shard that cannot be used as far as headers and sizes tell.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.damaged: dict[str, str] = {}
        self._saved = _load(folder / INDEX)
        self._added: dict[str, VideoPlace] = {}
        self._known: set[str] = set()
        self._sound: set[str] = set()
        self.refresh()

    def refresh(self) -> list[ShardTable]:
        """Take in shards that came since the last time; return those that the index lacked."""
        found = _sizes(self.folder)
        if not self._sound <= set(found):  # their videos may lie in others that are known, too
            self._known.clear()
        self._known &= set(found)
        self._sound &= set(found)
        self.damaged = {name: why for name, why in self.damaged.items() if name in found}
        read = []
        for name in sorted(set(found) - self._known):
            self._known.add(name)
            size = self._saved.sizes.get(name)
            if size is None:
                read += self._read(name)
            elif size != found[name]:
                self.damaged[name] = f'{found[name]} bytes instead of {size}'
            else:
                self._sound.add(name)
        return read

    def find(self, video_id: str) -> VideoPlace | None:
        """Return where a video lies, None if in no usable shard."""
        saved = self._find_saved(video_id)
        if saved is not None:
            return saved
        added = self._added.get(video_id)
        return added if added is not None and added.shard in self._sound else None

    def damaged_shard_of(self, video_id: str) -> str | None:
        """Return the damaged shard that a video lay in when the index was saved, if any."""
        places = self._saved.find(video_id)
        return next((place.shard for place in places if place.shard in self.damaged), None)

    def items(self) -> Iterator[tuple[str, VideoPlace]]:
        """Yield every video that can be read, once."""
        for video_id, place in self._saved.items():
            if place.shard in self._sound:
                yield video_id, place
        for video_id, place in self._added.items():
            if place.shard in self._sound and self._find_saved(video_id) is None:
                yield video_id, place

    @property
    def shards(self) -> list[str]:
        """The usable shards, in order of name."""
        return sorted(self._sound)

    @property
    def is_outdated(self) -> bool:
        """Whether the saved index lacks so many shards that reading their headers takes long."""
        lacking = sum(name not in self._saved.sizes for name in self._sound)
        return lacking > TOLERATED * len(self._sound)

    def save(self) -> None:
        """Write the index, whole or not at all; whoever has mapped the old one keeps it."""
        sizes = {name: (self.folder / name).stat().st_size for name in self.shards}
        write_atomically(self.folder / INDEX, _encoded(sizes, dict(self.items())))

    def _find_saved(self, video_id: str) -> VideoPlace | None:
        places = self._saved.find(video_id)
        return next((place for place in places if place.shard in self._sound), None)

    def _read(self, name: str) -> list[ShardTable]:
        try:
            table = read_table(self.folder / name)
        except (ValueError, KeyError) as error:
            self.damaged[name] = str(error).removeprefix(f'{self.folder / name}: ')
            return []
        except FileNotFoundError:  # taken away since the folder was listed
            return []
        self._sound.add(name)
        for video_id, rows in table.rows.items():
            if self.find(video_id) is None:  # whatever is there twice is used once
                self._added[video_id] = VideoPlace(name, rows)
        return [table]


class _SavedIndex:
    """The table as it was saved, sorted by a hash of the ids.

    Args:
        sizes: Bytes of each shard, in the order that ``shards`` counts them.
        columns: The arrays of ``_COLUMNS``; ``rows`` are (N, 2).
    """

    def __init__(self, sizes: dict[str, int], columns: dict[str, np.ndarray]) -> None:
        self.sizes = sizes
        self._names = list(sizes)
        self._columns = columns

    def find(self, video_id: str) -> Iterator[VideoPlace]:
        keys = self._columns['keys']
        key = _key(video_id.encode())
        first = int(np.searchsorted(keys, key))
        while first < len(keys) and keys[first] == key:  # more than one only by a rare accident
            if self._name(first) == video_id:
                yield self._place(first)
            first += 1

    def items(self) -> Iterator[tuple[str, VideoPlace]]:
        names, begin = self._columns['names'].tobytes(), 0
        columns = (self._columns[name].tolist() for name in ('name_ends', 'shards', 'rows'))
        for end, shard, rows in zip(*columns, strict=True):
            yield names[begin:end].decode(), VideoPlace(self._names[shard], range(*rows))
            begin = end

    def _name(self, position: int) -> str:
        ends = self._columns['name_ends']
        begin = int(ends[position - 1]) if position else 0
        return self._columns['names'][begin : int(ends[position])].tobytes().decode()

    def _place(self, position: int) -> VideoPlace:
        begin, end = self._columns['rows'][position].tolist()
        return VideoPlace(self._names[int(self._columns['shards'][position])], range(begin, end))


def _sizes(folder: Path) -> dict[str, int]:
    """Return the size of each shard in a folder; one may be taken away while it is listed."""
    sizes = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.suffix == SHARD_SUFFIX and not path.name.startswith('.'):
            with suppress(FileNotFoundError):
                sizes[path.name] = path.stat().st_size
    return sizes


def _key(name: bytes) -> int:
    digest = hashlib.blake2b(name, digest_size=8).digest()
    return int.from_bytes(digest, 'little', signed=True)


def _encoded(sizes: dict[str, int], places: dict[str, VideoPlace]) -> bytes:
    entries = sorted((_key(name.encode()), name.encode(), name) for name in places)
    numbers = {shard: number for number, shard in enumerate(sizes)}
    found = [places[name] for _, _, name in entries]
    columns = {
        'keys': np.array([key for key, _, _ in entries], '<i8'),
        'name_ends': np.cumsum([len(name) for _, name, _ in entries], dtype='<i8'),
        'shards': np.array([numbers[place.shard] for place in found], '<i4'),
        'rows': np.array([(p.rows.start, p.rows.stop) for p in found], '<i8').reshape(-1, 2),
        'names': np.frombuffer(b''.join(name for _, name, _ in entries), np.uint8),
    }
    order = ('keys', 'name_ends', 'rows', 'shards', 'names')  # the wide ones first: aligned
    body = b''.join(columns[name].tobytes() for name in order)
    shards = json.dumps(sizes)
    metadata = {
        'index_version': INDEX_VERSION,
        'sha256': hashlib.sha256(shards.encode() + body).hexdigest(),
        'shards': shards,
    }
    tensors = {name: (_COLUMNS[name], columns[name].shape) for name in order}
    return header_bytes(metadata, tensors) + body


def _load(path: Path) -> _SavedIndex:
    """Return a saved index, an empty one if it is missing, damaged or of another version."""
    try:
        header = read_header(path)
        if header.metadata['index_version'] != INDEX_VERSION:
            return _empty()
        data = np.memmap(path, np.uint8, 'r')
        body = data[min(place.begin for place in header.tensors.values()) :]
        digest = hashlib.sha256(header.metadata['shards'].encode())
        digest.update(body.data)
        if digest.hexdigest() != header.metadata['sha256']:
            return _empty()
        columns = {
            name: data[place.begin : place.end].view(_COLUMNS[name]).reshape(place.shape)
            for name, place in header.tensors.items()
        }
        sizes = json.loads(header.metadata['shards'])
        return _SavedIndex(sizes, {name: columns[name] for name in _COLUMNS})
    except (OSError, ValueError, KeyError, TypeError):
        return _empty()


def _empty() -> _SavedIndex:
    empty = {name: np.zeros(0, dtype) for name, dtype in _COLUMNS.items()}
    return _SavedIndex({}, empty | {'rows': np.zeros((0, 2), '<i8')})
