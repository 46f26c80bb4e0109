"""``stgr make-tiny-kitchen``: generate narrated videos with truth."""

import argparse
from pathlib import Path

from stgr.commands.base import Commands, say


def add_to(commands: Commands) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser('make-tiny-kitchen', help='generate narrated videos with truth')
    parser.add_argument('out', type=Path, metavar='OUT')
    parser.add_argument('--videos', type=int, required=True, metavar='N', help='at least 4')
    parser.add_argument('--seed', type=int, default=0, metavar='S')
    parser.add_argument('--workers', type=int, help='processes (one per core)')
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    import os

    from stgr.apis.progress import bar
    from stgr.datasets.tiny_kitchen.writer import make_tiny_kitchen

    manifest = make_tiny_kitchen(
        args.out,
        n_videos=args.videos,
        seed=args.seed,
        n_workers=args.workers or os.cpu_count() or 1,
        progress=bar('generating videos'),
    )
    say(f'wrote {manifest}')
