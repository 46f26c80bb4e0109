"""Download the weights of a model."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import quote

from stgr.apis.model_zoo.entry import SOURCES, WeightFile, ZooModel
from stgr.apis.model_zoo.weight_places import place_of
from stgr.io.downloads import Patience, WantedFile, download

MIRROR_VARIABLE = 'STGR_ZOO_MIRROR'
Progress = Callable[[str, int], AbstractContextManager[Callable[[int], object]]]


def fetch_model(
    model: ZooModel,
    *,
    progress: Progress,
    folder: Path | None = None,
    mirror: str | None = None,
    patience: Patience | None = None,
) -> list[Path]:
    """Bring the files of a model to where they belong, or into a folder, and return their paths.

    Args:
        model: The model.
        progress: From a name and its bytes to a context that yields a counter, as ``byte_bar``.
        folder: Where they go; None for where ``--model`` finds them.
        mirror: Folder or address that holds the files under their names; None for
            ``$STGR_ZOO_MIRROR``, else what the metafile says.
        patience: Limits of time.

    Raises:
        ValueError: If the model has no files to download (it is said how to get them), or a file
            is not the one of the metafile.
        FileExistsError: If another file is in the way.
        OSError: If a file cannot be had.
    """
    if not model.weights.files:
        raise ValueError(f'{model.name}: nothing to download; {how_to_get(model)}')
    mirror = mirror or os.environ.get(MIRROR_VARIABLE)
    paths = []
    for file in model.weights.files:
        target = place_of(model, file, folder)
        wanted = WantedFile(_address(model, file, mirror), file.sha256, file.num_bytes)
        with progress(file.path, file.num_bytes) as count:
            paths.append(download(wanted, target, patience=patience, progress=count))
    return paths


def how_to_get(model: ZooModel) -> str:
    """Return how the weights are got, with the command where there is one."""
    weights = model.weights
    steps = [SOURCES[weights.source], weights.holds, weights.original.rstrip('.')]
    text = '; '.join(step for step in steps if step)
    command = ' && '.join(weights.command.replace('\\\n', ' ').splitlines())
    return ' '.join(f'{text}: {command}'.split()) if command else text


def _address(model: ZooModel, file: WeightFile, mirror: str | None) -> str:
    if mirror:
        base = mirror if '://' in mirror else Path(mirror).expanduser().absolute().as_uri()
        return f'{base.rstrip("/")}/{quote(file.path)}'
    if file.url is not None:
        return file.url
    return place_of(model, file).as_uri()  # bundled: a copy
