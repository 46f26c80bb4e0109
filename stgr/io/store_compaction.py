"""Join the small shards of a store that many writers, or one that was stopped often, left behind.

A joined shard appears whole, with the checksum of its bytes as its name, and only then are the
shards removed whose videos it holds. A kill in between leaves videos in two shards, of which
readers use one; the next compaction removes what is there twice. It may run while others use the
store: writers wait, readers that miss a shard look where its videos are now.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stgr.io.atomic import flush, full_disk_named
from stgr.io.feature_index import FeatureIndex
from stgr.io.feature_shards import ShardPiece, ShardTable, join_pieces, read_table, verify_shard
from stgr.io.file_locks import locked
from stgr.io.store_writer import SHARD_BYTES, SHARDS

SMALL = 0.5
"""Shards smaller than this part of a full one are joined."""
_PARTIAL = '.joined'


@dataclass(frozen=True)
class Compaction:
    """What was done: number of shards before and after, and bytes that were copied."""

    before: int
    after: int
    copied_bytes: int


def compact_store(root: str | Path, *, shard_bytes: int = SHARD_BYTES) -> Compaction:
    """Join small shards into shards of at most ``shard_bytes``.

    Args:
        root: Folder of a store of shards.
        shard_bytes: Size of a full shard.

    Raises:
        FileNotFoundError: If there is no store of shards.
        ValueError: If a shard to be joined is damaged; nothing of it was removed.
        OSError: If the disk is full (a shard needs its size once more), or has no locks.
    """
    folder = Path(root) / SHARDS
    if not folder.is_dir():
        raise FileNotFoundError(f'{root}: no store of shards; give the folder that holds {SHARDS}/')
    with locked(folder / '.lock'):
        (folder / _PARTIAL).unlink(missing_ok=True)
        tables = {name: read_table(folder / name) for name in FeatureIndex(folder).shards}
        before, copied = len(tables), 0
        _remove_repeated(folder, tables)
        small = {k: table for k, table in tables.items() if table.num_bytes < SMALL * shard_bytes}
        for group in _groups(small, shard_bytes):
            copied += _join(folder, {name: tables[name] for name in group})
        index = FeatureIndex(folder)
        index.save()
    return Compaction(before, len(index.shards), copied)


def _remove_repeated(folder: Path, tables: dict[str, ShardTable]) -> None:
    """Remove shards of which larger ones hold every video: what a killed compaction left."""
    ascending = sorted(tables, key=lambda name: (tables[name].num_bytes, name))
    largest = {video_id: name for name in ascending for video_id in tables[name].rows}
    for name in ascending:
        holders = {largest[video_id] for video_id in tables[name].rows}
        if holders and name not in holders:
            for holder in sorted(holders):
                verify_shard(folder / holder)
            (folder / name).unlink()
            del tables[name]


def _groups(small: dict[str, ShardTable], shard_bytes: int) -> Iterator[list[str]]:
    """Yield the names of shards of one origin, two or more, that fit into one."""
    origins: dict[object, list[str]] = {}
    for name, table in sorted(small.items()):
        origin = (tuple(sorted(table.provenance.items())), table.has_patches)
        origins.setdefault(origin, []).append(name)
    for names in origins.values():
        group: list[str] = []
        filled = 0
        for name in sorted(names, key=lambda name: (small[name].num_bytes, name)):
            if filled + small[name].num_bytes > shard_bytes:
                if len(group) > 1:
                    yield group
                group, filled = [], 0
            group.append(name)
            filled += small[name].num_bytes
        if len(group) > 1:
            yield group


def _join(folder: Path, tables: dict[str, ShardTable]) -> int:
    """Put one shard in the place of several and return its size."""
    for name in tables:
        verify_shard(folder / name)
    places = {
        video_id: ShardPiece(video_id, folder / name, rows)
        for name, table in tables.items()
        for video_id, rows in table.rows.items()
    }
    partial = folder / _PARTIAL
    with full_disk_named(partial):
        joined = join_pieces([places[video_id] for video_id in sorted(places)], partial)
    size = partial.stat().st_size
    partial.replace(folder / joined)
    flush(folder)
    verify_shard(folder / joined)
    for name in set(tables) - {joined}:  # a shard that held all of it has its name
        (folder / name).unlink()
    return size
