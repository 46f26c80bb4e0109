"""``stgr compact``: join the small shards of feature stores."""

import argparse
from pathlib import Path

from stgr.commands.base import Commands, say


def add_to(commands: Commands) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser('compact', help='join the small shards of feature stores')
    parser.add_argument('stores', nargs='+', type=Path, metavar='STORE', help='folder of a store')
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    from stgr.io.store_compaction import compact_store

    for store in args.stores:
        done = compact_store(store)
        copied = f'{done.copied_bytes / 2**20:.1f} MiB copied'
        say(f'{store}: {done.before} shards, now {done.after} ({copied})')
