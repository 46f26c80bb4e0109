"""Files that travel with the package, or were downloaded for it."""

from pathlib import Path

from stgr.io.cache_folder import downloaded_weights_folder

SCHEME = 'stgr://'
WEIGHTS_DIR = Path(__file__).resolve().parents[1] / 'weights'


def bundled_path(source: str) -> Path:
    """Return the path of ``stgr://NAME``, a file or folder of the package's ``weights``.

    What the package does not carry is looked for among the downloads.

    Raises:
        FileNotFoundError: If there is nothing of this name; what the package carries is listed.
    """
    name = source.removeprefix(SCHEME)
    places = (WEIGHTS_DIR / name, downloaded_weights_folder() / name)
    path = next((place for place in places if place.exists()), None)
    if path is None:
        there = sorted(entry.name for entry in WEIGHTS_DIR.glob('[!._]*'))
        raise FileNotFoundError(f'stgr carries no weights {name!r}; it carries {there}')
    return path
