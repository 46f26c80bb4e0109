"""Folders that must be written to, what is in the caches, and the bundled weights."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from stgr.apis.doctor.finding import BROKEN, OK, OPTIONAL, WARNING, Finding

GIB = 2**30
_LEAST_BYTES = 2 * GIB  # CLIP ViT-B/32 takes 0.6
_TRUE = {'1', 'ON', 'YES', 'TRUE'}  # as the hub's own library reads it
_CLIP = 'models--openai--clip-vit-base-patch32'


def check_folders() -> Iterator[Finding]:
    """Yield a finding for each folder that something is written to."""
    from stgr.io.cache_folder import cache_folder

    hub = hub_folder()
    yield check_folder('temporary files', temporary_folder(), 'export TMPDIR={}', level=BROKEN)
    yield check_folder('working folder', Path.cwd(), 'cd {}')
    yield check_folder('hub cache', hub, 'export HF_HOME={}/huggingface')
    yield check_folder('stgr cache', cache_folder(), 'export STGR_CACHE={}/stgr')


def check_folder(name: str, folder: Path, remedy: str, *, level: str = WARNING) -> Finding:
    """Return whether a folder, or the nearest one above it that is there, can be written to.

    Args:
        name: What is kept there.
        folder: The folder.
        remedy: Setting that chooses another; ``{}`` stands for a place with more room.
        level: Of a folder that cannot be written to.
    """
    remedy = remedy.format('/a/folder/with/room')
    there = next(place for place in (folder, *folder.parents) if place.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=there, prefix='.stgr-doctor-') as file:
            file.write(bytes(4096))
            file.flush()
    except OSError as error:
        return Finding(name, level, f'{folder} cannot be written to ({error.strerror})', remedy)
    free = shutil.disk_usage(there).free
    found = f'{folder}, {free / GIB:.1f} GiB free'
    if free < _LEAST_BYTES:
        return Finding(name, WARNING, f'{found}, fewer than {_LEAST_BYTES // GIB}', remedy)
    return Finding(name, OK, found)


def temporary_folder() -> Path:
    """Return where temporary files are meant to go, even if they cannot."""
    return Path(os.environ.get('TMPDIR') or tempfile.gettempdir())


def hub_folder() -> Path:
    """Return the cache of models of the Hugging Face hub, as its library finds it."""
    if os.environ.get('HF_HUB_CACHE'):
        return Path(os.environ['HF_HUB_CACHE']).expanduser()
    users = os.environ.get('XDG_CACHE_HOME') or '~/.cache'
    home = os.environ.get('HF_HOME') or f'{users}/huggingface'
    return Path(home).expanduser() / 'hub'


def check_hub() -> Finding:
    """Return whether models of the hub can be had: from its cache, or by downloading."""
    offline = os.environ.get('HF_HUB_OFFLINE', '').upper() in _TRUE
    cached = (hub_folder() / _CLIP).is_dir()
    state = f'CLIP ViT-B/32 is {"in" if cached else "not in"} the cache'
    if offline and not cached:
        found = f'HF_HUB_OFFLINE is set and {state}: the larger models cannot start'
        return Finding('hub', OPTIONAL, found, 'unset HF_HUB_OFFLINE')
    return Finding('hub', OK, f'{"offline" if offline else "online"}; {state}')


def check_weights() -> Finding:
    """Return whether the bundled weights, and what was downloaded, are as they should be."""
    from stgr.apis.model_zoo import read_zoo
    from stgr.apis.model_zoo.weight_places import MISSING, check_files
    from stgr.apis.model_zoo.weight_places import OK as WHOLE

    count = 0
    for model in read_zoo().models.values():
        is_bundled = model.weights.source == 'bundled'
        for file in check_files(model):
            if file.state == MISSING and not is_bundled:
                continue
            if file.state != WHOLE:
                found, _, remedy = file.detail.partition('; run: ')
                level = BROKEN if is_bundled else WARNING
                return Finding('weights', level, f'{file.path}: {found}', remedy)
            count += 1
    return Finding('weights', OK, f'{count} files have their sha256')
