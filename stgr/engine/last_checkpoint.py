"""Where a work folder's last checkpoint lies, also after the folder was moved."""

import zipfile
import zlib
from pathlib import Path

from stgr.engine.safe_checkpoints import read_checkpoint
from stgr.io.atomic import written_whole

POINTER_NAME = 'last_checkpoint'


def find_last_checkpoint(work_dir: str | Path) -> Path | None:
    """Return the checkpoint that the file ``last_checkpoint`` of ``work_dir`` names, or None.

    MMEngine writes an absolute path into it; the checkpoint of that name beside the pointer
    is preferred, so a folder that was moved or copied resumes from its own.

    Raises:
        FileNotFoundError: If the checkpoint named is in neither place.
    """
    pointer = Path(work_dir) / POINTER_NAME
    if not pointer.is_file():
        return None
    named = Path(pointer.read_text(encoding='utf-8').strip())
    beside = pointer.parent / named.name
    for candidate in (beside, named):
        if named.name and candidate.is_file():
            return candidate
    raise FileNotFoundError(
        f'{pointer} names {named or "nothing"}, which is gone; resume from another file with '
        f'--resume PATH ({_others(pointer.parent)}), or delete {POINTER_NAME} to start anew'
    )


def find_whole_checkpoint(work_dir: str | Path) -> tuple[Path | None, list[str]]:
    """Return the newest checkpoint that is whole, and what is wrong with those passed over.

    The one of ``find_last_checkpoint`` comes first, then the others of the folder, newest first,
    that hold the state of an optimizer: the best ones (``save_best``) and published ones do not,
    and training cannot go on from weights alone. A ``.pth`` file is an archive with a checksum of
    every part: all are computed, so bytes that changed on the disk are found as well as a file cut
    short.

    Args:
        work_dir: The run's folder.

    Returns:
        The checkpoint, None if the run has none yet, and a line for each damaged one.

    Raises:
        FileNotFoundError: See ``find_last_checkpoint``.
        ValueError: If there are checkpoints and all are damaged; each is named.
    """
    last = find_last_checkpoint(work_dir)
    if last is None:
        return None, []
    others = [file for file in _newest_first(last.parent) if file != last]
    faults: list[str] = []
    for checkpoint in [last, *others]:
        fault = _fault(checkpoint)
        if fault is None and (checkpoint == last or 'optimizer' in read_checkpoint(checkpoint)):
            return checkpoint, faults
        if fault is not None:
            faults.append(f'{checkpoint} is damaged ({fault})')
    raise ValueError(f'{"; ".join(faults)}: none is left to resume from; delete them to start anew')


def _fault(checkpoint: Path) -> str | None:
    """Return what is wrong with a checkpoint's bytes, None if nothing is."""
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            broken = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        return str(error) or type(error).__name__
    return None if broken is None else f'the checksum of {broken} does not fit'


def point_to(checkpoint: str, work_dir: str | Path) -> None:
    """Make ``checkpoint`` the last one of ``work_dir``; the pointer is whole at any time."""
    with written_whole(Path(work_dir) / POINTER_NAME) as partial:
        partial.write_text(checkpoint, encoding='utf-8')


def _others(work_dir: Path) -> str:
    checkpoints = _newest_first(work_dir)
    return 'there: ' + ', '.join(file.name for file in checkpoints) if checkpoints else 'none there'


def _newest_first(work_dir: Path) -> list[Path]:
    return sorted(work_dir.glob('*.pth'), key=lambda file: file.stat().st_mtime, reverse=True)
