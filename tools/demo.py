"""The main job from nothing to a result; ``make demo`` calls it."""

import argparse
import sys
from pathlib import Path

from stgr.apis.demo import run_demo
from stgr.apis.user_errors import run_command


def main() -> int:
    """Run the demo and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', type=Path, default=Path('demo'), help='where results go')
    parser.add_argument('--fresh', action='store_true', help='begin anew')
    args = parser.parse_args()
    return run_command(
        lambda: run_demo(args.out, fresh=args.fresh, say=lambda line: print(line, flush=True))
    )


if __name__ == '__main__':
    sys.exit(main())
