"""Where the files of a model lie, and whether they are what the metafile says."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from stgr.apis.model_zoo.entry import WeightFile, ZooModel
from stgr.io import bundled
from stgr.io.cache_folder import downloaded_weights_folder

OK, MISSING, DAMAGED = 'ok', 'missing', 'damaged'


@dataclass(frozen=True)
class CheckedFile:
    """A file of weights, looked at.

    Attributes:
        model: The model's name.
        path: Where it is, or would be.
        state: 'ok', 'missing' or 'damaged'.
        detail: What was found, and what to do; empty if all is well.
    """

    model: str
    path: Path
    state: str
    detail: str = ''


def place_of(model: ZooModel, file: WeightFile, folder: Path | None = None) -> Path:
    """Return where a file of a model lies: in ``folder``, the package, or among the downloads."""
    if folder is None:
        is_bundled = model.weights.source == 'bundled'
        folder = bundled.WEIGHTS_DIR if is_bundled else downloaded_weights_folder()
    return folder / file.path


def check_files(model: ZooModel, folder: Path | None = None) -> list[CheckedFile]:
    """Return the state of every file of a model, read from beginning to end.

    Args:
        model: The model.
        folder: Where its files lie; None for where they belong.
    """
    return [_check(model, file, folder) for file in model.weights.files]


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file as 64 hexadecimal digits."""
    with path.open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def _check(model: ZooModel, file: WeightFile, folder: Path | None) -> CheckedFile:
    path = place_of(model, file, folder)
    if not path.is_file():
        return CheckedFile(model.name, path, MISSING, f'not there; {_remedy(model, path, folder)}')
    try:
        digest = sha256_of(path)
    except OSError as error:
        return CheckedFile(model.name, path, DAMAGED, f'cannot be read: {error.strerror}')
    if digest == file.sha256:
        return CheckedFile(model.name, path, OK)
    size = path.stat().st_size
    found = f'has {size} bytes and sha256 {digest}, not {file.num_bytes} and {file.sha256}'
    return CheckedFile(model.name, path, DAMAGED, f'{found}; {_remedy(model, path, folder)}')


def _remedy(model: ZooModel, path: Path, folder: Path | None) -> str:
    if folder is None and model.weights.source == 'bundled':
        return f'run: {restore_command()}'
    remove = f'rm {path} && ' if path.exists() else ''
    to = '' if folder is None else f' --to {folder}'
    return f'run: {remove}stgr models download {model.name}{to}'


def restore_command() -> str:
    """Return the command that brings the bundled weights back."""
    checkout = bundled.WEIGHTS_DIR.parents[1]
    if (checkout / '.git').exists():
        return f'git -C {checkout} checkout -- stgr/weights'
    return 'pip install --force-reinstall --no-deps stgr'
