"""``stgr models``: which models there are, and their weights."""

import argparse
from pathlib import Path

from stgr.commands.base import Commands, say


def add_to(commands: Commands) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser('models', help='list models; download and verify weights')
    parser.set_defaults(run=_run_list, json=False)
    actions = parser.add_subparsers(metavar='ACTION')

    listing = actions.add_parser('list', help='all models and where their weights come from')
    listing.add_argument('--json', action='store_true', help='everything the metafiles say')
    listing.set_defaults(run=_run_list)

    download = actions.add_parser('download', help='fetch weights, going on where it stopped')
    download.add_argument('name', metavar='NAME', help='of a model')
    download.add_argument('--to', type=Path, metavar='DIR', help='where they go (the cache)')
    download.add_argument(
        '--from', dest='mirror', metavar='PLACE', help='folder or address of a mirror'
    )
    download.set_defaults(run=_run_download)

    verify = actions.add_parser('verify', help='compare weights with their sha256')
    verify.add_argument('name', nargs='?', metavar='NAME', help='of a model (all that are here)')
    verify.add_argument('--in', dest='folder', type=Path, metavar='DIR', help='of download --to')
    verify.set_defaults(run=_run_verify)


def _run_list(args: argparse.Namespace) -> None:
    import json
    from dataclasses import asdict

    from stgr.apis.model_hub import list_models
    from stgr.apis.model_zoo import read_zoo
    from stgr.apis.model_zoo.entry import SOURCES
    from stgr.apis.model_zoo.page import size_text

    zoo = read_zoo()
    if args.json:
        say(json.dumps([asdict(model) for model in zoo.models.values()], indent=1, default=str))
        return
    rows = [
        [m.name, SOURCES[m.weights.source], size_text(m.weights.num_bytes), m.licence]
        for m in zoo.models.values()
    ]
    others = [entry.name for entry in list_models() if entry.name not in zoo.models]
    rows += [[name, 'a config: give --weights FILE if it learns', '', ''] for name in others]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        say('  '.join(cells).rstrip())


def _run_download(args: argparse.Namespace) -> None:
    from stgr.apis.model_zoo import find_zoo_model, read_zoo
    from stgr.apis.model_zoo.fetch import fetch_model
    from stgr.apis.progress import byte_bar

    model = find_zoo_model(read_zoo(), args.name)
    paths = fetch_model(model, progress=byte_bar, folder=args.to, mirror=args.mirror)
    for path in paths:
        say(f'{path}: here, sha256 as it should be')


def _run_verify(args: argparse.Namespace) -> None:
    from stgr.apis.model_zoo import find_zoo_model, read_zoo
    from stgr.apis.model_zoo.fetch import how_to_get
    from stgr.apis.model_zoo.weight_places import MISSING, OK, check_files

    zoo = read_zoo()
    named = [find_zoo_model(zoo, args.name)] if args.name else []
    if named and not named[0].weights.files:
        raise ValueError(f'{args.name}: no checksums are known; {how_to_get(named[0])}')
    bad = 0
    for model in named or zoo.models.values():
        for file in check_files(model, args.folder):
            if file.state == MISSING and not named and model.weights.source != 'bundled':
                continue  # not downloaded
            say(f'{file.state:8} {model.name}  {file.path}  {file.detail}'.rstrip())
            bad += file.state != OK
    if bad:
        raise ValueError(f'{bad} of the files of weights are not as they should be')
