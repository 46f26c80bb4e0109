"""The ``stgr`` command."""

import argparse
import sys
from collections.abc import Sequence

from stgr import __version__
from stgr.commands import (
    annotate,
    calibrate,
    compact,
    compare,
    convert,
    data,
    demo,
    doctor,
    evaluate,
    export,
    extract,
    ground,
    index,
    make_tiny_kitchen,
    models,
    prepare,
    search,
    serve,
    train,
)

_COMMANDS = (
    ground,
    demo,
    serve,
    index,
    search,
    export,
    models,
    convert,
    make_tiny_kitchen,
    prepare,
    extract,
    compact,
    train,
    calibrate,
    annotate,
    data,
    evaluate,
    compare,
    doctor,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Args:
        argv: Arguments without the program's name; None for those of the process.
    """
    args = _parser().parse_args(argv)
    from stgr.apis.user_errors import run_command

    return run_command(lambda: args.run(args))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='stgr', description='Say when and where actions happen in long videos.'
    )
    parser.add_argument('--version', action='version', version=f'stgr {__version__}')
    commands = parser.add_subparsers(required=True, metavar='COMMAND')
    for command in _COMMANDS:
        command.add_to(commands)
    return parser


if __name__ == '__main__':
    sys.exit(main())
