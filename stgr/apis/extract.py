"""Fill the feature store that a config reads from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stgr.apis.build import choose_device
from stgr.apis.feature_extraction import StoreReport, fill_store
from stgr.apis.model_hub import load_config
from stgr.apis.progress import bar

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def extract_features(config: str | Path, *, device: str | None = None) -> int:
    """Encode every video of a config's data sets that its feature store does not hold yet.

    Only the backbone is needed, so this comes before training. The rate is that of ``feature_fps``
    in the config. A video that cannot be read is named on standard error while the others are
    encoded; an error at the end says how many there were. A damaged feature file is replaced.

    Args:
        config: Model name or config path.
        device: Where to compute; None for a GPU if there is one.

    Returns:
        Number of videos encoded now.

    Raises:
        ValueError: If the config reads no features, a data set has no ``videos_dir``, the store
            holds others, two videos of one store have the same name, or a video cannot be read.
        FileNotFoundError: If a data set has no videos.
    """
    from stgr.io.feature_store import FeatureStore
    from stgr.registry import MODELS

    cfg = load_config(config)
    datasets = [cfg[name].dataset for name in _LOADERS if cfg.get(name)]
    jobs = [(dataset, store) for dataset in datasets if (store := _store_dir(dataset))]
    if not jobs or 'feature_fps' not in cfg:
        raise ValueError(f'{config} reads no stored features (LoadFeatures and feature_fps)')
    videos = _videos_by_store(jobs)
    model = MODELS.build(cfg.model).to(choose_device(device)).eval()
    reports = [
        fill_store(
            model,
            list(files.items()),
            FeatureStore(store),
            rate_fps=cfg.feature_fps,
            progress=bar('encoding videos'),
        )
        for store, files in videos.items()
    ]
    return _total_encoded(reports)


def _total_encoded(reports: Sequence[StoreReport]) -> int:
    """Return how many videos were encoded; raise if others could not be."""
    encoded = sum(report.encoded for report in reports)
    failures = [failure for report in reports for failure in report.failures]
    if failures:
        raise ValueError(
            f'{len(failures)} of {encoded + len(failures)} videos could not be encoded '
            f'(first: {failures[0]})'
        )
    return encoded


def _videos_by_store(jobs: list[tuple[dict[str, Any], str]]) -> dict[str, dict[str, Path]]:
    """Return the file of each video id of each store; data sets may share videos."""
    videos: dict[str, dict[str, Path]] = {}
    for dataset, store in jobs:
        files = videos.setdefault(store, {})
        for path in _videos(dataset):
            if files.setdefault(path.stem, path) != path:
                raise ValueError(
                    f'{files[path.stem]} and {path} would share the features of {path.stem!r}; '
                    'rename one'
                )
    return videos


def _store_dir(dataset: dict[str, Any]) -> str | None:
    steps = dataset.get('pipeline', ())
    return next((step['store_dir'] for step in steps if 'store_dir' in step), None)


def _videos(dataset: dict[str, Any]) -> list[Path]:
    from stgr.datasets.video_folder import VIDEO_SUFFIXES

    videos_dir = dataset.get('videos_dir', 'videos')
    if videos_dir is None:
        raise ValueError(
            f'the data set in {dataset["data_root"]} has videos_dir=None, so there is nothing to '
            'encode; set videos_dir to the folder of its videos'
        )
    folder = Path(dataset['data_root']) / videos_dir
    files = sorted(
        file
        for file in folder.glob('[!.]*')
        if file.suffix.lower() in VIDEO_SUFFIXES and file.is_file()
    )
    if not files:
        raise FileNotFoundError(f'no videos in {folder}; put the data set there')
    return files
