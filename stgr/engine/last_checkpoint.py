"""Where a work folder's last checkpoint lies, also after the folder was moved."""

from pathlib import Path

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


def point_to(checkpoint: str, work_dir: str | Path) -> None:
    """Make ``checkpoint`` the last one of ``work_dir``; the pointer is whole at any time."""
    with written_whole(Path(work_dir) / POINTER_NAME) as partial:
        partial.write_text(checkpoint, encoding='utf-8')


def _others(work_dir: Path) -> str:
    checkpoints = sorted(
        work_dir.glob('*.pth'), key=lambda file: file.stat().st_mtime, reverse=True
    )
    return 'there: ' + ', '.join(file.name for file in checkpoints) if checkpoints else 'none there'
