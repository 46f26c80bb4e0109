"""Train and score several configs with several seeds, and write one table with their controls.

    python tools/ablate.py configs/ours_tiny.py --controls --seeds 3 --work-dir work_dirs/tiny

Rows that are scored already are taken from the work folder, so an interrupted call goes on.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from stgr.apis.comparison import compare
from stgr.apis.experiment import control_rows, row_of
from stgr.apis.user_errors import run_command


def main(argv: Sequence[str] | None = None) -> int:
    """Run the rows, print the table and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('configs', nargs='+', help='the first one is what others are compared with')
    parser.add_argument('--seeds', type=int, default=3)
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/ablations'))
    parser.add_argument('--controls', action='store_true', help='add controls of the first config')
    parser.add_argument('--cfg-options', nargs='*', default=[], metavar='KEY=VALUE')
    args = parser.parse_args(argv)
    return run_command(lambda: print(_compare(args)))


def _compare(args: argparse.Namespace) -> str:
    rows = [row_of(config) for config in args.configs]
    if args.controls:
        rows += control_rows(args.configs[0])
    return compare(rows, args.work_dir, seeds=range(args.seeds), overrides=args.cfg_options)


if __name__ == '__main__':
    sys.exit(main())
