"""Where downloads are kept."""

import os
from pathlib import Path

CACHE_VARIABLE = 'STGR_CACHE'


def cache_folder() -> Path:
    """Return the folder of downloads: ``$STGR_CACHE``, else ``stgr`` in the user's cache folder.

    It need not be there yet.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    users = os.environ.get('XDG_CACHE_HOME') or '~/.cache'
    return Path(users).expanduser() / 'stgr'


def downloaded_weights_folder() -> Path:
    """Return where ``stgr models download`` puts weights."""
    return cache_folder() / 'weights'
