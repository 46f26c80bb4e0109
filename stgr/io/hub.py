"""Models of the Hugging Face hub: whole and unchanged, or an error of one line.

``huggingface_hub`` waits for ever for a server that does not answer, gives out a folder of which
the download broke off, and does not compare files with their checksums.
"""

import fnmatch
import hashlib
import json
import logging
import ssl
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

WEIGHTS = 'model.safetensors'
WEIGHTS_INDEX = 'model.safetensors.index.json'
OLD_WEIGHTS = 'pytorch_model.bin'
_BLOCK_BYTES = 1 << 20


class HubError(FileNotFoundError):
    """A model cannot be had from the hub; the message says why and what to do."""

    __str__ = Exception.__str__


def hub_folder(
    name: str, *, files: Sequence[str] = ('*.json', '*.txt'), weights: bool = True
) -> Path:
    """Return the local folder of a model of the hub, downloaded if it is not cached whole.

    What is cached is used without asking the hub. What is downloaded is compared with the
    checksums that the hub states.

    Args:
        name: ``owner/model``.
        files: Patterns of what is wanted beside the weights.
        weights: Whether they are wanted: ``pytorch_model.bin`` only where there are no
            safetensors. Without them, any cached folder will do.

    Returns:
        The folder.

    Raises:
        HubError: If it is not cached and cannot be downloaded, or is not what it should be.
    """
    cached = _cached(name)
    if cached is not None and (has_weights(cached) or not weights):
        return cached
    try:
        with _quiet():
            return _download(name, files, weights=weights)
    except HubError:
        raise
    except Exception as error:
        half = ' (a download of it broke off)' if cached is not None else ''
        raise HubError(
            f'{name} is neither a folder here nor cached{half}, and the hub cannot be reached: '
            f'{_cause(error)}; or on a machine with a network run "hf download {name}", copy the '
            'folder here and give its path'
        ) from error


def hub_files(
    name: str,
    files: Sequence[str],
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool | None = None,
) -> Path:
    """Return the local folder of some files of a model, as the hub has them now.

    Where the hub cannot be reached, what is cached whole is used. What is downloaded is compared
    with the checksums that the hub states.

    Args:
        name: ``owner/model``.
        files: Their names; those that the model has not are left out. Weights come last.
        revision: Branch, tag or commit; None: the main branch.
        token: For private models; None: what is stored.
        cache_dir: Where downloads are kept; None: the hub's own place.
        local_files_only: True: ask nothing; None: as ``HF_HUB_OFFLINE`` says.

    Raises:
        HubError: If they cannot be had, or are not what they should be.
    """
    from huggingface_hub import constants

    offline = constants.is_offline_mode() if local_files_only is None else local_files_only
    cached = _cached(name, revision=revision, cache_dir=cache_dir)
    if offline:
        if cached is None:
            raise HubError(
                f'{name} is no folder here, and could not be had offline (HF_HUB_OFFLINE or '
                'local_files_only): it is not cached'
            )
        return cached
    try:
        with _quiet():
            listed = _listed(name, revision=revision, token=token)
            wanted = sorted(set(files) & set(listed), key=lambda file: (file == WEIGHTS, file))
            where = {'revision': revision, 'token': token, 'cache_dir': cache_dir}
            return _fetch(name, wanted, listed, where)
    except HubError:
        raise
    except Exception as error:
        if cached is not None and has_weights(cached) and _status(error) is None:
            return cached
        raise HubError(
            f'{name} is no folder here, and could not be had from the hub: {_cause(error)}'
        ) from error


def has_weights(folder: Path) -> bool:
    """Return whether all weights that a folder is to have are there."""
    index = folder / WEIGHTS_INDEX
    if not index.is_file():
        return (folder / WEIGHTS).is_file() or (folder / OLD_WEIGHTS).is_file()
    try:
        names = set(json.loads(index.read_text(encoding='utf-8'))['weight_map'].values())
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    return all((folder / str(name)).is_file() for name in names)


def _cached(name: str, **where: Any) -> Path | None:
    """Return what is cached of a model, of a revision and in a folder if these are given."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True, **where))
    except LocalEntryNotFoundError:
        return None
    except HFValidationError as error:
        raise HubError(f'{name} is neither a folder here nor a name on the hub: {error}') from error


def _download(name: str, files: Sequence[str], *, weights: bool) -> Path:
    """Download a model, its weights last: where they are, the rest is."""
    listed = _listed(name)
    wanted = _wanted(listed, files, weights=weights)
    if not wanted:
        raise HubError(f'{name} holds none of {", ".join(files)}; take another model')
    folder = _fetch(name, wanted, listed, {})
    if weights and not has_weights(folder):
        raise HubError(f'{name} has no {WEIGHTS} and no {OLD_WEIGHTS}; take another model')
    return folder


def _listed(name: str, **where: Any) -> dict[str, Any]:
    """Return what the hub says of each file of a model, by its name."""
    from huggingface_hub import HfApi, constants

    told = HfApi().model_info(
        name, timeout=constants.HF_HUB_ETAG_TIMEOUT, files_metadata=True, **where
    )
    return {entry.rfilename: entry for entry in told.siblings or ()}


def _fetch(
    name: str, wanted: Sequence[str], listed: Mapping[str, Any], where: Mapping[str, Any]
) -> Path:
    """Download files in their order, compare them with what was said of them, return the folder."""
    from huggingface_hub import constants, hf_hub_download

    folders = set()
    for file in wanted:
        path = Path(
            hf_hub_download(name, file, etag_timeout=constants.HF_HUB_ETAG_TIMEOUT, **where)
        )
        _check(path, listed[file], name)
        folders.add(path.parents[file.count('/')])
    if len(folders) != 1:
        raise HubError(f'{name} has none of the files of a model, or changed meanwhile; try again')
    (folder,) = folders
    return folder


def _wanted(listed: Collection[str], files: Sequence[str], *, weights: bool) -> list[str]:
    """Return the files to download, weights last."""
    last = sorted(name for name in listed if fnmatch.fnmatch(name, '*.safetensors'))
    if not last and OLD_WEIGHTS in listed:
        last = [OLD_WEIGHTS]
    others = {name for name in listed if any(fnmatch.fnmatch(name, each) for each in files)}
    return [*sorted(others - set(last)), *(last if weights else ())]


def _check(path: Path, told: Any, name: str) -> None:
    """Remove a file that is not what the hub says it is, and raise."""
    size = path.stat().st_size
    if told.lfs is not None:
        wanted, digest = told.lfs.sha256, hashlib.sha256()
    else:
        wanted, digest = (
            told.blob_id,
            hashlib.sha1(f'blob {size}\0'.encode(), usedforsecurity=False),
        )
    with path.open('rb') as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    if wanted is not None and digest.hexdigest() != wanted:
        path.resolve().unlink()
        path.unlink(missing_ok=True)
        raise HubError(
            f'{name}: {path.name} came damaged ({size} bytes of checksum {digest.hexdigest()[:12]} '
            f'instead of {told.size} of {wanted[:12]}) and was removed; try again, and look at '
            'the proxy or mirror if it happens again'
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back the lines of each attempt: the error says what came of them."""
    logger = logging.getLogger('huggingface_hub')
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _cause(error: BaseException) -> str:
    """Return in words why the hub could not be reached, and what may be done about it."""
    chain = list(_chain(error))
    for one in chain:
        if isinstance(one, ssl.SSLCertVerificationError):
            now = datetime.now(UTC).strftime('%Y-%m-%d %H:%M UTC')
            return (
                f'its certificate is refused ({one.verify_message}); check the clock of this '
                f'machine, which says {now}, and its proxy'
            )
    names = {type(one).__name__ for one in chain}
    if 'OfflineModeIsEnabled' in names:
        return 'HF_HUB_OFFLINE is set; unset it to download'
    status = _status(error)
    if status is not None:
        return _said(status)
    if any('Timeout' in each for each in names):
        return 'it does not answer in time; try again later'
    first = next(iter(str(chain[-1]).splitlines()), type(chain[-1]).__name__)
    return f'{first}; check the network'


def _status(error: BaseException) -> int | None:
    """Return what the hub answered, None if it did not."""
    codes = [getattr(getattr(one, 'response', None), 'status_code', None) for one in _chain(error)]
    return next((code for code in codes if code is not None), None)


def _said(status: int) -> str:
    if status == 429:
        return 'it asks to wait (status 429, too many requests); try again later'
    if status in (401, 403, 404):
        return (
            f'it has no such model for you (status {status}); check the name, or log in with '
            '"hf auth login" if it is private or gated'
        )
    return f'it has a fault of its own (status {status}); try again later'


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
