"""``index.json``: what an index is of, and which files belong to it.

It is written last and replaced in one step, so whoever reads it finds a whole index: the old one
or the new one.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from stgr.io.atomic import write_atomically
from stgr.io.checked_json import JsonNode, read_json
from stgr.search.library import LibraryVideo

SCHEMA_VERSION = 1
MANIFEST_FILE = 'index.json'
AGAIN = 'make the index again with stgr index --fresh, which keeps what is encoded'
SHOWN_CHARACTERS = 12  # of a checksum in a message


@dataclass(frozen=True)
class DataFile:
    """A file of the index, with what it takes to notice damage."""

    name: str
    num_bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> 'DataFile':
        """Return the facts of a file; it is read from end to end."""
        return cls(path.name, path.stat().st_size, file_sha256(path))

    def check(self, folder: Path) -> None:
        """Compare the file with its size and checksum.

        Raises:
            FileNotFoundError: If it is gone.
            ValueError: If it is damaged.
        """
        path = folder / self.name
        if not path.is_file():
            raise FileNotFoundError(f'{path} is gone; make it again with stgr index')
        if path.stat().st_size != self.num_bytes or file_sha256(path) != self.sha256:
            raise ValueError(f'{path}: damaged file of an index; make it again with stgr index')


@dataclass(frozen=True)
class IndexedVideo(LibraryVideo):
    """A video of the index: ``num_frames`` vectors, the k-th of the frame at ``k / rate_fps``."""

    num_frames: int = 0


@dataclass(frozen=True)
class Manifest:
    """What stands in ``index.json``.

    Args:
        root: Absolute path of the library's folder.
        model: Name or config path of the model.
        weights: Its checkpoint; None: the bundled one.
        origin: What the vectors come from, see ``model_origin``.
        rate_fps: Frames per second of video.
        reader: Registered name of the video reader.
        kind: ``exact``, ``hnsw`` or ``ivf``.
        vectors: The frames' vectors.
        graph: FAISS's file; None for ``exact``.
        effort: How far an approximate search looks; None for ``exact``.
        recall: Share of the exact best ``recall_at`` frames that it finds; None for ``exact``.
        recall_at: See ``recall``.
        videos: In the order of their vectors.
        stgr_version: The version that wrote it.
    """

    root: str
    model: str
    weights: str | None
    origin: Mapping[str, str]
    rate_fps: float
    reader: str
    kind: str
    vectors: DataFile
    graph: DataFile | None
    effort: int | None
    recall: float | None
    recall_at: int
    videos: tuple[IndexedVideo, ...]
    stgr_version: str

    @property
    def files(self) -> tuple[DataFile, ...]:
        """The files that belong to the index."""
        return (self.vectors,) if self.graph is None else (self.vectors, self.graph)

    @property
    def num_frames(self) -> int:
        """Frames of all videos."""
        return sum(video.num_frames for video in self.videos)

    def save(self, folder: Path) -> None:
        """Write the file whole or not at all."""
        document: dict[str, Any] = {'schema_version': SCHEMA_VERSION}
        for field in fields(self):
            document[field.name] = _plain(getattr(self, field.name))
        text = json.dumps(document, indent=1, allow_nan=False)
        write_atomically(folder / MANIFEST_FILE, text.encode('ascii'))

    def check_origin(self, origin: Mapping[str, str], folder: Path, advice: str) -> None:
        """Refuse another model.

        Args:
            origin: That of the model that is to be used.
            folder: The index, for the message.
            advice: What to do, for the message.

        Raises:
            ValueError: If the vectors come from another model or other settings.
        """
        differing = [
            f'{key} {_shown(self.origin.get(key))} there, {_shown(origin.get(key))} here'
            for key in dict.fromkeys([*self.origin, *origin])
            if self.origin.get(key) != origin.get(key)
        ]
        if differing:
            raise ValueError(f'{folder} is of another model ({"; ".join(differing)}); {advice}')


def load_manifest(folder: Path) -> Manifest:
    """Return the manifest of an index.

    Raises:
        FileNotFoundError: If there is no index.
        ValueError: If it is damaged or of another version.
    """
    path = folder / MANIFEST_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f'no index in {folder}; make one with stgr index DIR --out {folder}'
        )
    try:
        document = read_json(path)
    except ValueError as error:
        raise ValueError(f'{error}; {AGAIN}') from error
    version = document['schema_version'].integer()
    if version != SCHEMA_VERSION:
        raise ValueError(
            f'{path}: schema_version is {version}, but this version of stgr reads '
            f'{SCHEMA_VERSION}; {AGAIN}'
        )
    try:
        return _manifest(document)
    except ValueError as error:
        raise ValueError(f'{error}; {AGAIN}') from error


def file_sha256(path: Path) -> str:
    """Return the checksum of a file."""
    with path.open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def _manifest(document: JsonNode) -> Manifest:
    origin, graph = document['origin'], document['graph']
    if not isinstance(origin.value, dict):
        raise ValueError(f'{origin.where} must be an object')
    videos = [
        IndexedVideo(
            node['path'].text(),
            node['size'].integer(),
            node['mtime_ns'].integer(),
            node['num_frames'].integer(),
        )
        for node in document['videos'].items()
    ]
    return Manifest(
        root=document['root'].text(),
        model=document['model'].text(),
        weights=_optional(document['weights'], JsonNode.text),
        origin={str(key): str(value) for key, value in origin.value.items()},
        rate_fps=document['rate_fps'].number(),
        reader=document['reader'].text(),
        kind=document['kind'].text(),
        vectors=_data_file(document['vectors']),
        graph=_optional(graph, _data_file),
        effort=_optional(document['effort'], JsonNode.integer),
        recall=_optional(document['recall'], JsonNode.number),
        recall_at=document['recall_at'].integer(),
        videos=tuple(videos),
        stgr_version=document['stgr_version'].text(),
    )


def _data_file(node: JsonNode) -> DataFile:
    name = node['name'].text()
    if Path(name).name != name:
        raise ValueError(f'{node.where}.name must be a plain file name, but is {name!r}')
    return DataFile(name, node['num_bytes'].integer(), node['sha256'].text())


def _optional(node: JsonNode, read: Any) -> Any:
    return None if node.value is None else read(node)


def _plain(value: Any) -> Any:
    if isinstance(value, DataFile | IndexedVideo):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return dict(value) if isinstance(value, Mapping) else value


def _shown(value: str | None) -> str:
    text = 'nothing' if value is None else value
    return text if len(text) < 3 * SHOWN_CHARACTERS else f'{text[:SHOWN_CHARACTERS]}…'
