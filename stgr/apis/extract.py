"""Fill feature stores: the ones that a config reads from, or one from any videos."""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stgr.apis.build import choose_device
from stgr.apis.feature_extraction import check_failures, check_max_failed, fill_store
from stgr.apis.grounder import find_videos
from stgr.apis.model_hub import load_config
from stgr.apis.progress import bar_or_lines

if TYPE_CHECKING:
    from mmengine.config import Config

    from stgr.apis.ray_extraction import RayEncoders

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
LAYOUTS = ('files', 'shards')
Stores = dict[str, dict[str, Path]]


@dataclass(frozen=True)
class ExtractionSettings:
    """How videos are encoded.

    Args:
        device: Where to compute; None for a GPU if there is one.
        rate_fps: Features per second of video; None for ``feature_fps`` of the config.
        patches: Whether to store patches too.
        retry_failed: Try again what failed in earlier runs.
        max_failed: Share of the videos that may fail, in [0, 1]: when more have, it stops; where
            fewer have, they are named and it is no error. Each process counts its own. None: all
            are tried, and it is an error if any fails.
        launcher: 'none', 'pytorch' (torchrun), 'slurm' or 'mpi': each process takes its share of
            the videos; 'ray': a pool of workers on a Ray cluster does (see ``ray_cluster``).
        workers: Size of that pool; None: one per GPU or, on processors, one per processor.

    Raises:
        ValueError: If the rate is no number above 0, ``max_failed`` is no share, or ``workers`` is
            given without Ray or below 1.
    """

    device: str | None = None
    rate_fps: float | None = None
    patches: bool = True
    retry_failed: bool = False
    max_failed: float | None = None
    launcher: str = 'none'
    workers: int | None = None

    def __post_init__(self) -> None:
        rate_fps = self.rate_fps
        if rate_fps is not None and not (math.isfinite(rate_fps) and rate_fps > 0):
            raise ValueError(f'rate_fps (--fps) must be a number > 0, but is {rate_fps}')
        if self.workers is not None and self.launcher != 'ray':
            raise ValueError('a number of workers needs launcher="ray" (--launcher ray)')
        if self.workers is not None and self.workers < 1:
            raise ValueError(f'there must be at least 1 worker, not {self.workers}')
        check_max_failed(self.max_failed)


def extract_features(
    config: str | Path,
    *,
    device: str | None = None,
    settings: ExtractionSettings | None = None,
) -> int:
    """Encode every video of a config's data sets that its feature store does not hold yet.

    Only the backbone is needed, so this comes before training. The rate is that of ``feature_fps``
    in the config; ``feature_layout='shards'`` in it makes new stores of shards. A video that cannot
    be read is named on standard error while the others are encoded, and left out of later runs; an
    error at the end says how many there were. A damaged feature file is replaced.

    Args:
        config: Model name or config path.
        device: Where to compute; None for a GPU if there is one.
        settings: How to encode; None for the defaults, on ``device``.

    Returns:
        Number of videos encoded now.

    Raises:
        ValueError: If the config reads no features, a data set has no ``videos_dir``, the store
            holds others, two videos of one store have the same name, or a video cannot be read.
        FileNotFoundError: If a data set has no videos.
    """
    cfg = load_config(config)
    jobs = _jobs(cfg)
    if not jobs or 'feature_fps' not in cfg:
        raise ValueError(f'{config} reads no stored features (LoadFeatures and feature_fps)')
    layout = cfg.get('feature_layout', 'files')
    if layout not in LAYOUTS:
        raise ValueError(f'feature_layout must be one of {", ".join(LAYOUTS)}, not {layout!r}')
    settings = settings or ExtractionSettings(device=device)
    return _fill(cfg, store_jobs(cfg), settings, sharded=layout == 'shards')


def extract_videos(
    config: str | Path,
    videos: Sequence[str | Path],
    out: str | Path,
    settings: ExtractionSettings | None = None,
) -> int:
    """Encode the videos that a store does not hold yet, with the backbone of a config.

    A new store has shards; one that holds a file per video goes on so. For failures see
    ``extract_features``.

    Args:
        config: Model name or config path.
        videos: Files, and folders of videos; the id of a video is its name without the ending.
        out: Folder of the store.
        settings: How to encode; None for the defaults.

    Returns:
        Number of videos encoded now.

    Raises:
        ValueError: If no rate is given or in the config, the store holds features of another
            origin, two videos have the same name, or a video cannot be read.
        FileNotFoundError: If there are no videos.
    """
    cfg = load_config(config)
    settings = settings or ExtractionSettings()
    if settings.rate_fps is None and 'feature_fps' not in cfg:
        raise ValueError(f'{config} has no feature_fps; give the rate with --fps')
    files = list(find_videos(videos))
    if not files:
        raise FileNotFoundError(
            f'no videos in {", ".join(map(str, videos))}; name files or their folder'
        )
    return _fill(cfg, {str(out): _by_id(files)}, settings, sharded=True)


def store_jobs(cfg: 'Config') -> Stores:
    """Return the feature stores that a config reads, and the file of each video in them.

    Raises:
        ValueError: If a data set has no videos, or two videos of a store have the same name.
        FileNotFoundError: If the videos are not there.
    """
    return _videos_by_store(_jobs(cfg))


def verify_stores(config: str | Path, out: str | Path | None = None) -> int:
    """Read stores from end to end and compare shards with their checksums.

    Args:
        config: Model name or config path, whose stores are meant without ``out``.
        out: Folder of a store; None for those of the config.

    Returns:
        Number of files read.

    Raises:
        ValueError: If a file is damaged, or the config reads no features.
        FileNotFoundError: If a store holds nothing.
    """
    from stgr.io.feature_store import FeatureStore

    folders = (
        [str(out)] if out is not None else list({s: None for _, s in _jobs(load_config(config))})
    )
    if not folders:
        raise ValueError(
            f'{config} reads no stored features (LoadFeatures); name a store with --out'
        )
    total, faults = 0, []
    for folder in folders:
        store = FeatureStore(folder)
        count = store.num_files()
        if not count:
            raise FileNotFoundError(f'{folder} holds no features; extract them with stgr extract')
        faults += [fault for fault in bar_or_lines('verifying')(store.verify(), count) if fault]
        total += count
    if faults:
        raise ValueError(
            f'{len(faults)} of {total} files are damaged; delete them and run stgr extract again: '
            + '; '.join(faults)
        )
    return total


def in_share(video_id: str, rank: int, world_size: int) -> bool:
    """Return whether a video belongs to one of several processes.

    By a hash of its id, so it does not depend on which other videos there are.
    """
    digest = hashlib.blake2b(video_id.encode(errors='surrogateescape'), digest_size=8).digest()
    return int.from_bytes(digest, 'little') % world_size == rank


def _fill(cfg: 'Config', videos: Stores, settings: ExtractionSettings, *, sharded: bool) -> int:
    """Fill the stores, or this process's share of them; return how many videos were encoded."""
    from stgr.io.feature_store import FeatureStore
    from stgr.registry import MODELS

    rank, world_size = _place(settings.launcher)
    # Ray's workers have models of their own, this process only states what they must give
    device = 'cpu' if settings.launcher == 'ray' else settings.device
    model = MODELS.build(cfg.model).to(choose_device(device)).eval()
    title = 'encoding videos' if world_size == 1 else f'encoding videos (process {rank})'
    reports = [
        fill_store(
            model,
            [(name, path) for name, path in files.items() if in_share(name, rank, world_size)],
            FeatureStore(store),
            rate_fps=cfg.feature_fps if settings.rate_fps is None else settings.rate_fps,
            patches=settings.patches,
            sharded=sharded,
            retry_failed=settings.retry_failed,
            encode=_ray_encoders(cfg, store, settings) if settings.launcher == 'ray' else None,
            max_failed=settings.max_failed,
            progress=bar_or_lines(title),
        )
        for store, files in videos.items()
    ]
    check_failures(reports, settings.max_failed)
    return sum(report.encoded for report in reports)


def _place(launcher: str) -> tuple[int, int]:
    """Return which of how many processes this is; with Ray it is the only one that starts."""
    from stgr.engine.distributed import rank_and_world_size

    if launcher == 'ray':
        from stgr.apis.ray_cluster import import_ray

        import_ray()  # a missing package is told before anything else
        return 0, 1
    return rank_and_world_size(launcher)


def _ray_encoders(cfg: 'Config', store: str, settings: ExtractionSettings) -> 'RayEncoders':
    from stgr.apis.ray_extraction import RayEncoders

    return RayEncoders(cfg.model, Path(store), workers=settings.workers, device=settings.device)


def _jobs(cfg: 'Config') -> list[tuple[dict[str, Any], str]]:
    """Return the data sets that read stored features, and the store of each."""
    datasets = [cfg[name].dataset for name in _LOADERS if cfg.get(name)]
    return [(dataset, store) for dataset in datasets if (store := _store_dir(dataset))]


def _videos_by_store(jobs: list[tuple[dict[str, Any], str]]) -> Stores:
    """Return the file of each video id of each store; data sets may share videos."""
    videos: dict[str, list[Path]] = {}
    for dataset, store in jobs:
        videos.setdefault(store, []).extend(_videos(dataset))
    return {store: _by_id(files) for store, files in videos.items()}


def _by_id(files: Iterable[Path]) -> dict[str, Path]:
    by_id: dict[str, Path] = {}
    for path in files:
        if by_id.setdefault(path.stem, path) != path:
            raise ValueError(
                f'{by_id[path.stem]} and {path} would share the features of {path.stem!r}; '
                'rename one'
            )
    return by_id


def _store_dir(dataset: dict[str, Any]) -> str | None:
    steps = dataset.get('pipeline', ())
    return next((step['store_dir'] for step in steps if 'store_dir' in step), None)


def _videos(dataset: dict[str, Any]) -> list[Path]:
    from stgr.datasets.video_folder import VIDEO_SUFFIXES, VideoFolder

    videos_dir = dataset.get('videos_dir', 'videos')
    if videos_dir is None:
        raise ValueError(
            f'the data set in {dataset["data_root"]} has videos_dir=None, so there is nothing to '
            'encode; set videos_dir to the folder of its videos'
        )
    folder = Path(dataset['data_root']) / videos_dir
    if folder.is_file():
        listed = VideoFolder(folder)
        return [Path(str(listed.path(video_id))) for video_id in listed.names]
    files = sorted(
        file
        for file in folder.glob('[!.]*')
        if file.suffix.lower() in VIDEO_SUFFIXES and file.is_file()
    )
    if not files:
        raise FileNotFoundError(f'no videos in {folder}; put the data set there')
    return files
