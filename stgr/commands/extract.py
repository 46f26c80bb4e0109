"""``stgr extract``: store the features of a config's videos."""

import argparse

from stgr.commands.base import Commands, say


def add_to(commands: Commands) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser('extract', help="store the features of a config's videos")
    parser.add_argument('config', help='model name or config')
    parser.add_argument('--device', help='cpu or cuda (a GPU if there is one)')
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    from stgr.apis.extract import extract_features

    done = extract_features(args.config, device=args.device)
    say(f'encoded {done} videos')
