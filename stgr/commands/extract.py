"""``stgr extract``: encode videos once and store their features."""

import argparse
from pathlib import Path

from stgr.commands.base import Commands, say


def add_to(commands: Commands) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser('extract', help='encode videos once and store their features')
    parser.add_argument('config', help='model name or config')
    parser.add_argument(
        'videos', nargs='*', type=Path, metavar='VIDEO', help="file or folder (the config's)"
    )
    parser.add_argument('--out', type=Path, metavar='STORE', help='folder of the features')
    parser.add_argument('--fps', type=float, help="features per second (the config's feature_fps)")
    parser.add_argument(
        '--no-patches', action='store_true', help='store frame features only: 1/50 of the bytes'
    )
    parser.add_argument('--retry-failed', action='store_true', help='try failed videos again')
    parser.add_argument(
        '--max-failed',
        type=float,
        metavar='SHARE',
        help='share of videos that may fail: stop when more have, and no error if fewer have',
    )
    parser.add_argument(
        '--verify', action='store_true', help='only compare what is stored with its checksums'
    )
    launchers = ('none', 'pytorch', 'slurm', 'mpi', 'ray')
    parser.add_argument('--launcher', choices=launchers, default='none')
    parser.add_argument(
        '--workers', type=int, metavar='N', help='encoders of --launcher ray (one per GPU or CPU)'
    )
    parser.add_argument('--device', help='cpu or cuda (a GPU if there is one)')
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    from stgr.apis import extract

    if args.verify:
        say(f'{extract.verify_stores(args.config, args.out)} files are whole')
        return
    if bool(args.videos) != (args.out is not None):
        raise ValueError('give VIDEO and --out STORE together, or neither: the store of the config')
    settings = extract.ExtractionSettings(
        device=args.device,
        rate_fps=args.fps,
        patches=not args.no_patches,
        retry_failed=args.retry_failed,
        max_failed=args.max_failed,
        launcher=args.launcher,
        workers=args.workers,
    )
    if args.videos:
        done = extract.extract_videos(args.config, args.videos, args.out, settings)
    else:
        done = extract.extract_features(args.config, settings=settings)
    say(f'encoded {done} videos')
