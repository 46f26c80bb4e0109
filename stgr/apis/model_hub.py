"""Models by name: which config, which weights.

A model's name is the name of its config: ``ours_tiny`` is ``configs/ours_tiny.py``, and its
weights, where they are small enough to travel with the package, are ``stgr/weights/ours_tiny.*``,
or else the same name among the downloads.
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stgr.io.bundled import WEIGHTS_DIR
from stgr.io.cache_folder import downloaded_weights_folder
from stgr.io.onnx_folder import is_onnx_folder

if TYPE_CHECKING:
    from mmengine.config import Config

_PACKAGE_DIR = Path(__file__).resolve().parents[1]
PRETRAINED_CONFIG = 'config.json'
_HUB_NAME = re.compile(r'[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*')
_WEIGHTS_SUFFIXES = ('.safetensors', '.pth')


@dataclass(frozen=True)
class ModelEntry:
    """A model that can be asked for by name.

    Attributes:
        name: The config's path below the configs folder, without ``.py`` (``ablations/no_x``).
        config: The config file.
        weights: The bundled or downloaded weights; None if there are none of this model.
    """

    name: str
    config: Path
    weights: Path | None


def configs_dir() -> Path:
    """Return the folder of the configs: the repository's own, or the copy in an installed wheel.

    Raises:
        FileNotFoundError: If neither is there (an incomplete installation).
    """
    for folder in (_PACKAGE_DIR / 'configs', _PACKAGE_DIR.parent / 'configs'):
        if any(folder.glob('*.py')):
            return folder
    raise FileNotFoundError(f'no configs beside or in {_PACKAGE_DIR}; reinstall stgr')


def list_models() -> tuple[ModelEntry, ...]:
    """Return all models, by name; what begins with ``_`` holds parts of configs, not models."""
    root = configs_dir()
    files = (file.relative_to(root) for file in sorted(root.rglob('*.py')))
    names = [file.with_suffix('').as_posix() for file in files if not _is_private(file)]
    return tuple(ModelEntry(n, root / f'{n}.py', _weights_here(n)) for n in names)


def find_model(name: str) -> ModelEntry:
    """Return the model called ``name``.

    Raises:
        ValueError: If there is none; near names are listed.
    """
    entries = {entry.name: entry for entry in list_models()}
    if name not in entries:
        raise ValueError(f'no model {name!r}{_hint(name, entries)}')
    return entries[name]


def find_config(name_or_path: str | Path) -> Path:
    """Return a config file, given its path or a model's name.

    Raises:
        FileNotFoundError: If a path (something ending in ``.py``) does not exist.
        ValueError: If a name is unknown; near names are listed.
    """
    path = Path(name_or_path)
    if path.suffix != '.py':
        return find_model(str(name_or_path)).config
    if path.is_file():
        return path
    names = [entry.name for entry in list_models()]
    raise FileNotFoundError(f'no config file {path}{_hint(path.stem, names)}')


def is_pretrained(model: str | Path) -> bool:
    """Return whether this names a model of ``save_pretrained``: its folder, or one on the hub.

    A folder comes before a model of ours with the same name, and both before the hub.
    """
    folder, name = Path(model), str(model)
    if folder.is_dir():
        if (folder / PRETRAINED_CONFIG).is_file():
            return True
        return not (is_onnx_folder(folder) or name in {entry.name for entry in list_models()})
    ours = name.endswith('.py') or (configs_dir() / name.partition('/')[0]).is_dir()
    return _HUB_NAME.fullmatch(name) is not None and not ours


def lasting_name(model: str | Path) -> str:
    """Return what a model is called wherever one stands: paths become absolute."""
    path = Path(model).expanduser()
    is_path = (
        path.suffix == '.py' or is_onnx_folder(path) or (path.is_dir() and is_pretrained(path))
    )
    return str(path.resolve()) if is_path else str(model)


def load_config(name_or_path: str | Path, *, overrides: Iterable[str] = ()) -> 'Config':
    """Return the config of a model, given by name or path, with ``key=value`` overrides applied.

    Of a folder that ``stgr convert`` made it is that of its ``OnnxGrounder``.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the name is unknown, an override is malformed, or the file names its bases in
            a way that cannot be read.
        KeyError: If an override's key is not in the config.
        TypeError: If an override's value is of another type.
    """
    from mmengine.config import Config

    from stgr.engine import apply_overrides

    if is_onnx_folder(name_or_path):
        config = Config(_converted(Path(name_or_path)))
    else:
        config = _read_config(find_config(name_or_path))
    apply_overrides(config, overrides)
    return config


def _read_config(path: Path) -> 'Config':
    from mmengine.config import Config

    try:
        return Config.fromfile(path)
    except (RuntimeError, ModuleNotFoundError) as error:
        by_package = isinstance(error, ImportError) and error.name == 'pkg_resources'
        if not by_package and 'lazy_import' not in str(error):
            raise
        raise ValueError(
            f'{path}: bases are named relative to the file, under "with read_base():" (from '
            '.ours_tiny import *), not by _base_ or from a package; for one elsewhere put a link '
            f'to {configs_dir()} beside it (docs/extending.md)'
        ) from error


def _converted(folder: Path) -> dict[str, object]:
    from stgr.io.onnx_folder import read_onnx_model

    facts = read_onnx_model(folder)
    config: dict[str, object] = {'model': {'type': 'stgr.OnnxGrounder', 'folder': str(folder)}}
    if facts.notice is not None:
        config['notice'] = facts.notice
    if facts.answers.rate_fps is not None:
        config['ground_fps'] = facts.answers.rate_fps
    return config


def _is_private(file: Path) -> bool:
    return any(part.startswith('_') for part in file.parts)


def _weights_here(name: str) -> Path | None:
    folders = (WEIGHTS_DIR, downloaded_weights_folder())
    candidates = (folder / f'{name}{end}' for folder in folders for end in _WEIGHTS_SUFFIXES)
    return next((file for file in candidates if file.is_file()), None)


def _hint(name: str, known: Iterable[str]) -> str:
    known = list(known)
    near = difflib.get_close_matches(name, known, n=3)
    if near:
        return f'; did you mean {" or ".join(near)}?'
    return f'; stgr models list shows all {len(known)}'
