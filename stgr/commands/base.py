"""What every command shares."""

import argparse
import sys
from typing import TypeAlias

Commands: TypeAlias = 'argparse._SubParsersAction[argparse.ArgumentParser]'


def say(message: str) -> None:
    """Print a line of the command's answer; of a name, bytes that are no text are escaped."""
    encoding = sys.stdout.encoding or 'utf-8'
    sys.stdout.write(f'{message.encode(encoding, "backslashreplace").decode(encoding)}\n')
    sys.stdout.flush()  # an address must be read while the command runs, in a pipe too


def add_span_options(parser: argparse.ArgumentParser) -> None:
    """Add how short spans may be and which gaps are closed."""
    parser.add_argument(
        '--min-duration', type=float, metavar='SEC', help="drops shorter spans (the config's, or 0)"
    )
    parser.add_argument(
        '--max-gap', type=float, metavar='SEC', help="joins spans this near (the config's, or 0)"
    )
