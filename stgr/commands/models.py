"""``stgr models``: list models."""

import argparse

from stgr.commands.base import Commands, say


def add_to(commands: Commands) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser('models', help='list models')
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    del args
    from stgr.apis.model_hub import list_models

    for entry in list_models():
        need = 'bundled weights' if entry.weights else 'give --weights FILE if it learns'
        say(f'{entry.name:42} {need}')
