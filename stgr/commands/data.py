"""``stgr data``: what is there of a data set."""

import argparse
import ast
from pathlib import Path
from typing import Any

from stgr.commands.base import Commands, say


def add_to(commands: Commands) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser('data', help='look at data sets')
    actions = parser.add_subparsers(required=True, metavar='ACTION')
    check = actions.add_parser('check', help='how many videos are there and readable')
    check.add_argument('name', metavar='NAME', help='data set, such as grounding_youtube')
    check.add_argument('root', type=Path, metavar='ROOT', help='its folder')
    check.add_argument('--json', type=Path, metavar='OUT', help='write everything found here')
    check.add_argument('--probe', type=int, metavar='N', help='open only N videos (all)')
    check.add_argument(
        '--set',
        action='append',
        default=[],
        metavar='KEY=VALUE',
        help='argument of the data set, such as videos_dir=mp4; repeatable',
    )
    check.set_defaults(run=_run_check)


def _run_check(args: argparse.Namespace) -> None:
    import json

    from stgr.apis.data_check import check_data
    from stgr.apis.data_check.report import report_lines
    from stgr.apis.progress import bar
    from stgr.io.atomic import write_atomically

    changes = dict(_key_and_value(text) for text in args.set)
    found = check_data(
        args.name, args.root, probe=args.probe, changes=changes, progress=bar('opening videos')
    )
    for line in report_lines(found):
        say(line)
    if args.json:
        write_atomically(args.json, json.dumps(found.to_dict(), indent=1).encode())
    if not found.num_found:
        raise FileNotFoundError(
            f'{found.folder}: none of the {found.num_annotated} videos is there; files are called '
            'like the videos of the annotations'
        )
    if found.probed and not found.readable:
        raise ValueError(f'{found.folder}: none of the {len(found.probed)} videos can be read')


def _key_and_value(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition('=')
    if not equals or not key.isidentifier():
        raise ValueError(f'--set {text} must be KEY=VALUE')
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return key, value
