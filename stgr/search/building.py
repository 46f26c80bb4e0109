"""Make or renew the index of a library."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stgr.apis.feature_extraction import (
    Progress,
    StoreReport,
    check_failures,
    check_max_failed,
    fill_store,
)
from stgr.apis.methods import DEFAULT_MODELS
from stgr.apis.model_hub import lasting_name
from stgr.io.file_locks import only_writer
from stgr.search.index_files import delete_unused, is_up_to_date, write_index
from stgr.search.library import LibraryVideo, list_library
from stgr.search.manifest import MANIFEST_FILE, IndexedVideo, Manifest, load_manifest
from stgr.search.neighbours import check_kind

if TYPE_CHECKING:
    from stgr.io.feature_store import FeatureStore
    from stgr.models.grounders.base_grounder import BaseGrounder

DEFAULT_INDEX = 'stgr_index'
FEATURES = 'features'


@dataclass(frozen=True)
class IndexReport:
    """What a run of ``build_index`` did.

    Args:
        encoded: Videos encoded now.
        kept: Videos whose features were there.
        removed: Videos that the index held and the library has no more, or as another file.
        failures: Why each of the others could not be encoded.
        failed_before: Videos left out because an earlier run failed on them.
        manifest: What the index is now.
        changed: Whether the index was written; False: it was up to date.
    """

    encoded: int
    kept: int
    removed: int
    failures: tuple[str, ...]
    failed_before: int
    manifest: Manifest
    changed: bool


def build_index(
    videos_dir: str | Path,
    out: str | Path = DEFAULT_INDEX,
    *,
    model: str | Path = DEFAULT_MODELS['trained'],
    weights: str | Path | None = None,
    device: str | None = None,
    kind: str = 'exact',
    rate_fps: float = 1.0,
    reader: str = 'pyav',
    fresh: bool = False,
    retry_failed: bool = False,
    max_failed: float | None = None,
    progress: Progress | None = None,
) -> IndexReport:
    """Index the videos of a folder and of the folders in it, or renew their index.

    1. Encode each video that is new or has changed, at ``rate_fps``; what is encoded is kept in
       ``features``, a feature store, also if the run is killed.
    2. Project all frames into the space in which the model compares them with queries.
    3. Build FAISS's index of an approximate kind, and measure its recall.
    4. Replace the old index in one step, and delete what nobody needs any more.

    A video that cannot be read is named on standard error and left out, also by later runs until it
    changes.

    Args:
        videos_dir: Folder of the videos.
        out: Folder of the index; made if need be.
        model: As of ``Grounder``.
        weights: Likewise.
        device: Where to compute; None for a GPU if there is one.
        kind: ``exact``, or ``hnsw`` or ``ivf``, which need FAISS.
        rate_fps: Frames per second of video.
        reader: Registered name of the video reader.
        fresh: Make an index of another model or folder anew in the same place.
        retry_failed: Try again what failed in earlier runs.
        max_failed: Share of the videos that may fail, in [0, 1], earlier runs included: when more
            have, it stops and the old index stays. None: all are tried.
        progress: Wraps the iterator of videos being encoded, given with their number.

    Raises:
        ValueError: If the index is of another model or folder, the kind is unknown, no video can be
            read or more failed than may, or another process is writing to it.
        FileNotFoundError: If there are no videos.
        ImportError: If the kind needs FAISS, which is not installed.
        OSError: If the disk is full.
    """
    from stgr.apis.grounder import Grounder
    from stgr.apis.inferencer import check_rate
    from stgr.io.feature_store import FeatureStore
    from stgr.search.origin import model_origin

    check_kind(kind)
    check_max_failed(max_failed)
    check_rate(rate_fps)
    root, folder = Path(videos_dir), Path(out)
    videos = list_library(root)
    with only_writer(folder):
        door = Grounder(model, weights=weights, device=device)
        grounder, facts = door.inferencer.model, door.facts
        origin = model_origin(grounder, facts, rate_fps=rate_fps, reader=reader)
        store = FeatureStore(folder / FEATURES)
        old = None if fresh else _old_manifest(folder, root, origin)
        if fresh:
            _forget_others(store, grounder, rate_fps=rate_fps, reader=reader)
        report = fill_store(
            grounder,
            [(video.key, root / video.path) for video in videos],
            store,
            rate_fps=rate_fps,
            reader=reader,
            patches=grounder.similarity_needs_patches,
            retry_failed=retry_failed,
            max_failed=max_failed,
            progress=progress,
        )
        if report.too_many_failed:
            check_failures([report], max_failed)
        indexed = _indexed(videos, store)
        if not indexed:
            raise ValueError(_nothing_readable(root, store, report))
        wanted: dict[str, Any] = {
            'root': _lasting(root),
            'model': lasting_name(model),
            'weights': None if weights is None else _lasting(weights),
            'origin': origin,
            'rate_fps': float(rate_fps),
            'reader': reader,
            'kind': kind,
        }
        if old is not None and is_up_to_date(old, folder, indexed, wanted):
            manifest = old
        else:
            manifest = write_index(folder, grounder, store, indexed, wanted)
        delete_unused(folder, manifest, store, videos)
    return _report(report, old, manifest)


def _report(store: StoreReport, old: Manifest | None, manifest: Manifest) -> IndexReport:
    there = {video.key for video in manifest.videos}
    return IndexReport(
        encoded=store.encoded,
        kept=len(there) - store.encoded,
        removed=0 if old is None else sum(video.key not in there for video in old.videos),
        failures=store.failures,
        failed_before=store.failed_before,
        manifest=manifest,
        changed=manifest is not old,
    )


def _old_manifest(folder: Path, root: Path, origin: Mapping[str, str]) -> Manifest | None:
    """Return the index that is there, None if there is none; refuse that of another library.

    The videos of another folder would push out those of the first. A library that has moved is the
    same: its old place is empty.
    """
    if not (folder / MANIFEST_FILE).exists():
        return None
    old = load_manifest(folder)
    advice = 'give another --out, or --fresh to make this index anew'
    old.check_origin(origin, folder, advice)
    if Path(old.root) != root.resolve() and Path(old.root).is_dir():
        raise ValueError(f'{folder} is the index of {old.root}, not of {root}; {advice}')
    return old


def _forget_others(
    store: 'FeatureStore', model: 'BaseGrounder', *, rate_fps: float, reader: str
) -> None:
    """Delete stored features that this model cannot use; those of the same backbone stay."""
    from stgr.apis.feature_extraction import VideoEncoder
    from stgr.io.feature_store import FeatureStore

    encoder = VideoEncoder(model, rate_fps=rate_fps, reader=reader)
    wanted = FeatureStore(store.root, encoder.provenance)
    for key in list(store.ids()):
        try:
            usable = wanted.open(key).has_patches == model.similarity_needs_patches
        except ValueError:
            usable = False
        if not usable:
            store.path(key).unlink()


def _indexed(videos: Sequence[LibraryVideo], store: 'FeatureStore') -> tuple[IndexedVideo, ...]:
    """Return the videos whose features are there, with the number of their frames."""
    return tuple(
        IndexedVideo(video.path, video.size, video.mtime_ns, len(store.open(video.key)))
        for video in videos
        if store.has(video.key)
    )


def _nothing_readable(root: Path, store: 'FeatureStore', report: StoreReport) -> str:
    why = f'first: {report.failures[0]}' if report.failures else 'they failed before'
    return (
        f'none of the videos in {root} can be read ({why}); see {store.root / "failed.jsonl"}, '
        'and give --retry-failed once they are mended'
    )


def _lasting(path: str | Path) -> str:
    return str(Path(path).expanduser().resolve())
