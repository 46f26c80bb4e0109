"""Make of TinyKitchen what somebody's own videos look like: one folder, subtitles beside them.

    stgr make-tiny-kitchen tk20 --videos 20 --seed 7
    python tools/make_own_videos.py tk20 own20 --truth data20/annotations

The truth of the generator goes where ``stgr train --data data20`` looks for clicks.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from stgr.apis.user_errors import run_command
from stgr.io.atomic import write_atomically

SPLITS = ('train', 'val', 'test')
TRUTH = ('box_anno.json', 'seg.json', 'id2wh_new.json')


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the folder, and return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('world', type=Path, help='folder of stgr make-tiny-kitchen')
    parser.add_argument('out', type=Path, help='folder of videos and .srt files')
    parser.add_argument('--truth', type=Path, metavar='DIR', help='where boxes and actions go')
    args = parser.parse_args(arguments)
    return run_command(lambda: make_own_videos(args.world, args.out, truth=args.truth))


def make_own_videos(world: Path, out: Path, *, truth: Path | None) -> None:
    """Copy the videos of all splits into one folder, with their narrations as .srt.

    Raises:
        FileNotFoundError: If ``world`` lacks a file of TinyKitchen.
    """
    needed = [world / split / name for split in SPLITS for name in ('captions.json', *TRUTH)]
    missing = [path for path in needed if not path.is_file()]
    if missing:
        raise FileNotFoundError(f'no {missing[0]}; make it with: stgr make-tiny-kitchen {world}')
    out.mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        for video_id, told in _read(world / split / 'captions.json').items():
            shutil.copy2(world / split / 'videos' / f'{video_id}.mp4', out)
            rows = sorted(zip(told['start'], told['end'], told['text'], strict=True))
            write_atomically(out / f'{video_id}.srt', _srt(rows).encode())
    if truth is not None:
        truth.mkdir(parents=True, exist_ok=True)
        for name in TRUTH:
            rows_of = {k: v for split in SPLITS for k, v in _read(world / split / name).items()}
            write_atomically(truth / name, json.dumps(rows_of).encode())


def _read(path: Path) -> dict:
    return json.loads(path.read_bytes())


def _srt(rows: Sequence[tuple[float, float, str]]) -> str:
    cues = (
        f'{number}\n{_time(start_sec)} --> {_time(end_sec)}\n{text}\n'
        for number, (start_sec, end_sec, text) in enumerate(rows, start=1)
    )
    return '\n'.join(cues)


def _time(seconds: float) -> str:
    whole, ms = divmod(round(seconds * 1000), 1000)
    return f'{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d},{ms:03d}'


if __name__ == '__main__':
    sys.exit(main())
