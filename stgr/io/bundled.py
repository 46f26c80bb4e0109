"""Files that travel with the package."""

from pathlib import Path

SCHEME = 'stgr://'
WEIGHTS_DIR = Path(__file__).resolve().parents[1] / 'weights'


def bundled_path(source: str) -> Path:
    """Return the path of ``stgr://NAME``, a file or folder of the package's ``weights``.

    Raises:
        FileNotFoundError: If the package carries nothing of this name; what it carries is listed.
    """
    name = source.removeprefix(SCHEME)
    path = WEIGHTS_DIR / name
    if not path.exists():
        there = sorted(entry.name for entry in WEIGHTS_DIR.glob('[!._]*'))
        raise FileNotFoundError(f'stgr carries no weights {name!r}; it carries {there}')
    return path
