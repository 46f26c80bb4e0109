"""Write a feature store of shards, from several processes and machines at once.

A video is written as a feature file into a folder of its writer, ``shards/staging/<writer>``, and
counts from then on. Once there is enough of them they are joined into a shard, which appears whole,
and only then are they removed. The system lets go of a killed writer's lock, and the next writer
that starts or ends joins what it left. So whatever is encoded stays, and is stored once.
"""

import os
import secrets
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from stgr.io.atomic import flush, full_disk_named
from stgr.io.feature_index import FeatureIndex
from stgr.io.feature_provenance import check_provenance
from stgr.io.feature_shards import ShardTable, read_table, write_shard
from stgr.io.file_locks import FileLock, locked
from stgr.io.safetensors_header import read_header

SHARDS = 'shards'
SHARD_BYTES = 1 << 30
_STAGING = 'staging'
_LOCK = 'lock'
_SUFFIX = '.safetensors'


class StoreWriter:
    """One of the writers of a store of shards.

    Example:
        >>> with StoreWriter(root, facts) as writer:
        ...     for video_id, video in videos:
        ...         if not writer.has(video_id):
        ...             write_features(writer.path(video_id), ...)
        ...             writer.add(video_id)  # doctest: +SKIP

    Args:
        root: Folder of the store.
        provenance: What its features come from, see ``feature_provenance``.
        has_patches: Whether patches are stored; the same for all of a store.
        shard_bytes: A shard is closed when it has this size.

    Attributes:
        notices: What was found damaged and is to be encoded again, a line each.

    Raises:
        ValueError: If the store holds features of another origin, or others have patches.
        OSError: If the disk is full, or its file system has no locks.
    """

    def __init__(
        self,
        root: str | Path,
        provenance: Mapping[str, object],
        *,
        has_patches: bool = True,
        shard_bytes: int = SHARD_BYTES,
    ) -> None:
        self.folder = Path(root) / SHARDS
        self.provenance = dict(provenance)
        self.has_patches = has_patches
        self.shard_bytes = shard_bytes
        self.notices: list[str] = []
        self._staged: dict[str, Path] = {}
        self._staged_bytes = 0
        self._held: set[str] = set()

    def __enter__(self) -> Self:
        (self.folder / _STAGING).mkdir(parents=True, exist_ok=True)
        with self._alone():
            self._index = FeatureIndex(self.folder)
            for name in self._index.shards:
                self._check(read_table(self.folder / name), self.folder / name)
            self._set_damaged_aside()
            self._join_what_was_left()
            name = f'{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}'
            self._staging = self.folder / _STAGING / name
            self._staging.mkdir()
            self._lock = FileLock(self._staging / _LOCK)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self.close_shard()
                with self._alone():
                    self._lock.release()
                    shutil.rmtree(self._staging)
                    self._join_what_was_left()
                    self._save_index()
        finally:
            self._lock.release()

    def has(self, video_id: str) -> bool:
        """Return whether a video was in the store, or staged by any writer, when this one began."""
        held = video_id in self._held or video_id in self._staged
        return held or self._index.find(video_id) is not None

    def path(self, video_id: str) -> Path:
        """Return where to write the features of a video.

        Raises:
            ValueError: If the id is no plain file name.
        """
        return self._staging / file_name(video_id)

    def add(self, video_id: str) -> None:
        """Take the file that was written to ``path``; from now on the video is not lost."""
        path = self.path(video_id)
        self._staged[video_id] = path
        self._staged_bytes += path.stat().st_size
        if self._staged_bytes >= self.shard_bytes:
            self.close_shard()

    @property
    def lock(self) -> Path:
        """The file that is locked while this writer is at work."""
        return self._staging / _LOCK

    def close_shard(self) -> None:
        """Join what is staged into a shard, if anything is."""
        if not self._staged:
            return
        joined = self._join(self._staged, self._staging)
        with self._alone():
            self._move_in(joined, self._staged, self._staging)
        self._staged, self._staged_bytes = {}, 0

    def _alone(self):  # type: ignore[no-untyped-def]
        """Return a block that one writer at a time is in."""
        return locked(self.folder / f'.{_LOCK}')

    def _join_what_was_left(self) -> None:
        """Join the files of writers that are gone; learn what those hold that are at work."""
        for staging in sorted((self.folder / _STAGING).iterdir()):
            lock = FileLock(staging / _LOCK, wait=False)
            if not lock.held:
                self._held |= set(_files(staging))
                continue
            self._join_files_of(staging)
            lock.release()

    def _join_files_of(self, staging: Path) -> None:
        """Join what a writer left, unless it is of another origin: then it stays where it is."""
        files = {name: path for name, path in _files(staging).items() if self._is_whole(path)}
        try:
            for path in files.values():
                self._check_file(path)
        except ValueError as error:
            self.notices.append(f'{error}; not used, {staging} can be deleted')
            return
        if files:
            self._move_in(self._join(files, staging), files, staging)
        shutil.rmtree(staging)

    def _is_whole(self, path: Path) -> bool:
        try:
            read_header(path)
        except ValueError as error:
            self.notices.append(f'{error}; its video is encoded again')
            return False
        return True

    def _check_file(self, path: Path) -> None:
        header = read_header(path)
        self._check_origin(header.metadata, 'patches' in header.tensors, path)

    def _join(self, files: Mapping[str, Path], staging: Path) -> tuple[Path, str]:
        """Return a finished shard that is not in its place yet, and its name there."""
        partial = staging / 'joined'
        with full_disk_named(partial):
            return partial, write_shard(sorted(files.items()), partial)

    def _move_in(self, joined: tuple[Path, str], files: Mapping[str, Path], staging: Path) -> None:
        """Put a shard in its place, without what another writer has stored meanwhile."""
        for table in self._index.refresh():
            self._check(table, self.folder)
        fresh = {name: path for name, path in files.items() if self._index.find(name) is None}
        if fresh and len(fresh) < len(files):
            joined = self._join(fresh, staging)
        if fresh:
            partial, name = joined
            self._check(read_table(partial), partial)
            partial.replace(self.folder / name)
            flush(self.folder)
            self._index.refresh()
        for path in files.values():
            path.unlink()

    def _save_index(self) -> None:
        index = FeatureIndex(self.folder)  # as another writer may have saved it
        if index.is_outdated:
            index.save()

    def _set_damaged_aside(self) -> None:
        for name, why in self._index.damaged.items():
            path = self.folder / name
            aside = path.with_name(f'{name}.damaged')
            path.replace(aside)
            self.notices.append(
                f'{path}: damaged shard ({why}); its videos are encoded again, it is {aside.name} '
                'now and can be deleted'
            )
        self._index.refresh()

    def _check(self, table: ShardTable, source: Path) -> None:
        self._check_origin(table.provenance, table.has_patches, source)

    def _check_origin(self, found: Mapping[str, str], has_patches: bool, source: Path) -> None:
        check_provenance(found, self.provenance, source=source)
        if has_patches != self.has_patches:
            raise ValueError(patches_differ(source, stored=has_patches))


def file_name(video_id: str, suffix: str = _SUFFIX) -> str:
    """Return the name of a video's file in a store, which lies in the store and nowhere else.

    Raises:
        ValueError: If the id is no plain file name.
    """
    if not video_id or Path(video_id).name != video_id:
        raise ValueError(f'a video id must be a plain file name, but is {video_id!r}')
    return f'{video_id}{suffix}'


def patches_differ(source: str | Path, *, stored: bool) -> str:
    """Return what to say where a store is to be continued with patches but has none, or so."""
    found, wanted = ('frames and patches', 'frames only') if stored else ('frames only', 'patches')
    return f'{source} holds {found}, but {wanted} are to be added; give another store'


def _files(staging: Path) -> dict[str, Path]:
    """Return the finished files of a writer by video id."""
    return {
        path.name.removesuffix(_SUFFIX): path
        for path in staging.iterdir()
        if path.name.endswith(_SUFFIX) and not path.name.startswith('.')
    }
