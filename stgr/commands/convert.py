"""``stgr convert``: a model as ONNX graphs, in float32 or int8."""

import argparse
import shlex
from pathlib import Path

from stgr.commands.base import Commands, say


def add_to(commands: Commands) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser('convert', help='write a model as ONNX graphs, float32 or int8')
    parser.add_argument('model', metavar='MODEL', help='name, config, saved folder or hub name')
    parser.add_argument('--to', default='onnx', help='onnx (float32) or int8')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='a new folder')
    parser.add_argument('--weights', type=Path, metavar='FILE', help='checkpoint of the model')
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    from stgr.apis.conversion import convert_model

    report = convert_model(args.model, args.out, to=args.to, weights=args.weights)
    for name, cosine in report.agreement.items():
        say(f'{name}: cosine to torch at least {cosine:.5f}')
    folder = shlex.quote(str(report.folder))
    say(f'{report.folder}: {report.num_bytes / 2**20:.1f} MiB; stgr ground --model {folder}')
