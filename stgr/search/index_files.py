"""The files of an index: written under names of their own, then made valid by the manifest."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stgr import __version__
from stgr.io.atomic import PARTIAL_PREFIX, flush, full_disk_named, remove_partial_files
from stgr.search.library import LibraryVideo
from stgr.search.manifest import DataFile, IndexedVideo, Manifest
from stgr.search.neighbours import KINDS
from stgr.search.vectors import VectorFile, write_vectors

if TYPE_CHECKING:
    from torch import Tensor

    from stgr.io.feature_store import FeatureStore
    from stgr.models.grounders.base_grounder import BaseGrounder

RECALL_AT = 100
_FRAMES_PER_BLOCK = 4096


def is_up_to_date(
    old: Manifest, folder: Path, indexed: tuple[IndexedVideo, ...], facts: Mapping[str, Any]
) -> bool:
    """Return whether the old index says the same of the same videos, and its files are whole."""
    if old.videos != indexed or any(getattr(old, name) != value for name, value in facts.items()):
        return False
    try:
        for file in old.files:
            file.check(folder)
    except (ValueError, FileNotFoundError):
        return False
    return True


def write_index(
    folder: Path,
    model: 'BaseGrounder',
    store: 'FeatureStore',
    indexed: tuple[IndexedVideo, ...],
    facts: Mapping[str, Any],
) -> Manifest:
    """Write the files of an index, and the manifest last.

    Args:
        folder: The index.
        model: Projects the frames.
        store: Their features.
        indexed: The videos.
        facts: The manifest's ``root``, ``model``, ``weights``, ``origin``, ``rate_fps``, ``reader``
            and ``kind``.
    """
    remove_partial_files(folder)
    vectors = _write_vectors(folder, model, store, indexed)
    cls, graph, effort, recall = KINDS[facts['kind']], None, None, None
    file = VectorFile(folder / vectors.name)
    recall_at = min(RECALL_AT, file.rows)
    if cls is not None:
        from stgr.search.probe_queries import probe_queries

        frames = cls.build(file)
        queries = probe_queries(model)
        recall = frames.tune(file, queries, recall_at) if len(queries) > 1 else None
        effort, graph = frames.effort, _placed(folder, 'frames', '.faiss', frames.save)
    manifest = Manifest(
        **facts,
        vectors=vectors,
        graph=graph,
        effort=effort,
        recall=recall,
        recall_at=recall_at,
        videos=indexed,
        stgr_version=__version__,
    )
    manifest.save(folder)
    return manifest


def _write_vectors(
    folder: Path,
    model: 'BaseGrounder',
    store: 'FeatureStore',
    indexed: tuple[IndexedVideo, ...],
) -> DataFile:
    blocks = _blocks(model, store, indexed)
    first = next(blocks)
    rows = sum(video.num_frames for video in indexed)

    def all_blocks() -> 'Iterator[Tensor]':
        yield first
        yield from blocks

    def write(path: Path) -> None:
        write_vectors(path, all_blocks(), rows=rows, width=first.shape[1])

    return _placed(folder, 'vectors', '.safetensors', write)


def _blocks(
    model: 'BaseGrounder', store: 'FeatureStore', indexed: tuple[IndexedVideo, ...]
) -> 'Iterator[Tensor]':
    """Yield all frames in the space in which they are compared with queries, block by block."""
    import torch

    from stgr.structures.features import VideoFeatures

    for video in indexed:
        features = store.open(video.key)
        for start in range(0, len(features), _FRAMES_PER_BLOCK):
            block = features.read(
                slice(start, start + _FRAMES_PER_BLOCK), patches=model.similarity_needs_patches
            )
            frames = block.frames.to(model.device).float()[None]
            patches = None if block.patches is None else block.patches.to(model.device).float()
            mask = torch.ones(frames.shape[:2], dtype=torch.bool, device=model.device)
            clip = VideoFeatures(
                frames, None if patches is None else patches[None], mask, features.grid
            )
            with torch.no_grad():
                yield model.embed_frames(clip)


def _placed(folder: Path, name: str, ending: str, write: Callable[[Path], None]) -> DataFile:
    """Write a file and call it by its checksum, so that it never takes the place of another."""
    partial = folder / f'{PARTIAL_PREFIX}{name}'
    with full_disk_named(folder / name):
        try:
            write(partial)
            flush(partial)
            facts = DataFile.of(partial)
            placed = DataFile(f'{name}-{facts.sha256[:16]}{ending}', facts.num_bytes, facts.sha256)
            partial.replace(folder / placed.name)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    return placed


def delete_unused(
    folder: Path, manifest: Manifest, store: 'FeatureStore', videos: Sequence[LibraryVideo]
) -> None:
    """Delete the files of older indexes, and features of videos that are gone or have changed."""
    named = {file.name for file in manifest.files}
    for pattern in ('vectors-*.safetensors', 'frames-*.faiss'):
        for file in folder.glob(pattern):
            if file.name not in named:
                file.unlink()
    keys = {video.key for video in videos}
    for key in set(store.ids()) - keys:
        store.path(key).unlink()
