"""Many videos in one safetensors file, a shard: a million videos need not be a million files.

A shard holds the tensors of a feature file, those of its videos one after the other: ``times_sec
(N,)``, ``frames (N, C)`` and perhaps ``patches (N, P, C)``. Its metadata are the provenance that
its videos share, and ``videos``: JSON, the id and number of frames of each. A shard is called by
the sha256 of its bytes, so its checksum needs no other file, the same videos make the same shard,
and two writers never make two of one name.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from stgr.io.errors import DamagedFeaturesError
from stgr.io.feature_files import open_safetensors
from stgr.io.feature_provenance import FORMAT_VERSION, check_provenance
from stgr.io.feature_writer import DTYPES
from stgr.io.safetensors_header import SafetensorsHeader, header_bytes, read_header
from stgr.io.stored_features import StoredFeatures

SHARD_VERSION = '1'
SHARD_SUFFIX = '.safetensors'
_OWN_KEYS = ('shard_version', 'videos')
_DIGITS = 32  # of the sha256: enough that no two shards ever share a name
_COPY_BYTES = 1 << 24


@dataclass(frozen=True)
class ShardTable:
    """What a shard holds, from its header alone.

    Args:
        provenance: Where the features come from, see ``stored_provenance``.
        has_patches: Whether patches are stored.
        rows: Which rows are those of each video id.
        num_bytes: Size of the file.
    """

    provenance: dict[str, str]
    has_patches: bool
    rows: dict[str, range]
    num_bytes: int


def read_table(path: Path) -> ShardTable:
    """Return what a shard holds.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no shard, of another version or damaged, as far as its header and size
            tell.
    """
    header = read_header(path)
    check_provenance(
        header.metadata,
        {'shard_version': SHARD_VERSION, 'format_version': FORMAT_VERSION},
        source=path,
    )
    rows = _rows(header.metadata.get('videos', ''), path)
    stored = sum(map(len, rows.values()))
    for name in ('times_sec', 'frames', *(['patches'] if 'patches' in header.tensors else [])):
        place = header.tensors.get(name)
        if place is None or place.shape[:1] != (stored,):
            found = 'none' if place is None else place.shape
            raise DamagedFeaturesError(
                f'{path}: damaged shard (its videos have {stored} rows, but {name} has the shape '
                f'{found})'
            )
    provenance = {k: v for k, v in header.metadata.items() if k not in _OWN_KEYS}
    size = max(place.end for place in header.tensors.values())
    return ShardTable(provenance, 'patches' in header.tensors, rows, size)


@dataclass(frozen=True)
class ShardPiece:
    """A video that is to go into a shard: its id, and which rows of which file are its own."""

    video_id: str
    file: Path
    rows: range


class FeatureShard:
    """An open, memory-mapped shard.

    Args:
        path: A file written by ``write_shard``.
        expected: Provenance the features must have (see ``check_provenance``); None: any.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no shard, damaged, or of another version or origin.
    """

    def __init__(self, path: Path, expected: Mapping[str, object] | None = None) -> None:
        self.path = path
        self._table = read_table(path)
        check_provenance(self._table.provenance, expected or {}, source=path)
        self._file = open_safetensors(path)

    def open(self, video_id: str) -> StoredFeatures:
        """Return the features of a video.

        Raises:
            FileNotFoundError: If the shard does not hold it.
        """
        rows = self._table.rows.get(video_id)
        if rows is None:
            raise FileNotFoundError(f'{self.path} holds no video {video_id!r}')
        provenance, source = self._table.provenance, f'{self.path}: {video_id}'
        return StoredFeatures(self._file, provenance, rows=rows, source=source)


def write_shard(files: Sequence[tuple[str, Path]], path: Path) -> str:
    """Join the feature files of several videos, see ``join_pieces``.

    Args:
        files: Video ids and files, at least one.
        path: The file to write.
    """
    counts = [read_header(file).tensors['times_sec'].shape[0] for _, file in files]
    pieces = [
        ShardPiece(video_id, file, range(count))
        for (video_id, file), count in zip(files, counts, strict=True)
    ]
    return join_pieces(pieces, path)


def join_pieces(pieces: Sequence[ShardPiece], path: Path) -> str:
    """Write a shard of videos that lie in feature files or in other shards, all of one origin.

    Args:
        pieces: At least one.
        path: The file to write.

    Returns:
        What the file is to be called.

    Raises:
        ValueError: If the files are of different origins, or some have patches and some not.
        OSError: If writing fails.
    """
    headers = {file: read_header(file) for file in dict.fromkeys(piece.file for piece in pieces)}
    first = headers[pieces[0].file]
    metadata = _shared_metadata(headers)
    metadata['shard_version'] = SHARD_VERSION
    metadata['videos'] = json.dumps([[piece.video_id, len(piece.rows)] for piece in pieces])
    total = sum(len(piece.rows) for piece in pieces)
    names = [name for name in DTYPES if name in first.tensors]
    tensors = {name: (DTYPES[name], (total, *first.tensors[name].shape[1:])) for name in names}
    digest = hashlib.sha256()
    with path.open('wb') as out:
        _write(out, header_bytes(metadata, tensors), digest)
        for name in names:
            for piece in pieces:
                place = headers[piece.file].tensors[name]
                row_bytes = (place.end - place.begin) // max(place.shape[0], 1)
                begin = place.begin + piece.rows.start * row_bytes
                _copy(piece.file, begin, begin + len(piece.rows) * row_bytes, out, digest)
        out.flush()
        os.fsync(out.fileno())
    return _name(digest)


def verify_shard(path: Path) -> None:
    """Read a whole shard and compare its bytes with its name.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged.
    """
    read_table(path)
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while block := file.read(_COPY_BYTES):
            digest.update(block)
    if _name(digest) != path.name:
        raise ValueError(f'{path}: damaged shard (the sha256 of its bytes is {digest.hexdigest()})')


def _rows(videos: str, path: Path) -> dict[str, range]:
    try:
        pairs = [(str(video_id), int(count)) for video_id, count in json.loads(videos)]
    except (ValueError, TypeError) as error:
        raise DamagedFeaturesError(
            f'{path}: damaged shard (its table is unreadable: {error})'
        ) from error
    ends = np.cumsum([count for _, count in pairs]).tolist()
    return {
        video_id: range(end - count, end)
        for (video_id, count), end in zip(pairs, ends, strict=True)
    }


def _shared_metadata(headers: Mapping[Path, SafetensorsHeader]) -> dict[str, str]:
    """Return what files say that are to be one, without what each says of its videos."""
    one, first = next(iter(headers.items()))
    shared = {key: value for key, value in first.metadata.items() if key not in _OWN_KEYS}
    layout = {name: place.shape[1:] for name, place in first.tensors.items()}
    for file, header in headers.items():
        check_provenance(header.metadata, shared, source=file)
        found = {name: place.shape[1:] for name, place in header.tensors.items()}
        if found != layout:
            raise ValueError(
                f'{file} holds {found}, but {one} {layout}; one store holds features of one kind'
            )
    return shared


def _copy(file: Path, begin: int, end: int, out: BinaryIO, digest: 'hashlib._Hash') -> None:
    with file.open('rb') as source:
        source.seek(begin)
        while begin < end:
            block = source.read(min(_COPY_BYTES, end - begin))
            if not block:
                raise ValueError(f'{file}: the file became shorter while it was read')
            _write(out, block, digest)
            begin += len(block)


def _write(out: BinaryIO, block: bytes, digest: 'hashlib._Hash') -> None:
    out.write(block)
    digest.update(block)


def _name(digest: 'hashlib._Hash') -> str:
    return digest.hexdigest()[:_DIGITS] + SHARD_SUFFIX
