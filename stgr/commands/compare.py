"""``stgr compare``: scores of several systems side by side."""

import argparse
from pathlib import Path

from stgr.commands.base import Commands, say


def add_to(commands: Commands) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser('compare', help='put outputs of evaluate side by side')
    parser.add_argument('reports', nargs='+', type=Path, metavar='JSON', help='of stgr evaluate')
    parser.add_argument('--format', default='markdown', help='markdown, csv, latex or text')
    parser.add_argument('--by', help='class or video: break the scores down')
    parser.add_argument(
        '--score', action='append', default=[], metavar='GROUP/KEY', help='a column; repeatable'
    )
    parser.add_argument('--resamples', type=int, default=2000, help='of the bootstrap (2000)')
    parser.add_argument('--seed', type=int, default=0, help='of the bootstrap (0)')
    parser.add_argument('--out', type=Path, metavar='FILE', help='write the table there too')
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    from stgr.apis.evaluation.compare import compare_reports, read_reports
    from stgr.io.atomic import write_atomically

    table = compare_reports(
        read_reports(args.reports),
        scores=args.score,
        style=args.format,
        by=args.by,
        seed=args.seed,
        num_resamples=args.resamples,
    )
    say(table.rstrip('\n'))
    if args.out is not None:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(args.out, table.encode())
