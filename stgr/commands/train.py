"""``stgr train``: train a model on prepared videos of one's own."""

import argparse
import os
import shlex
from pathlib import Path

from stgr.commands.base import Commands, say


def add_to(commands: Commands) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser('train', help='train a model on your own prepared videos')
    parser.add_argument(
        '--data', type=Path, required=True, metavar='DATA', help='made by stgr prepare'
    )
    parser.add_argument(
        '--init', metavar='MODEL', help='model name, or checkpoint with --config (ours_clip)'
    )
    parser.add_argument(
        '--config', help="model name or config, where it is not --init's; alone: without weights"
    )
    parser.add_argument('--epochs', type=int, metavar='N', help="instead of the config's")
    parser.add_argument('--work-dir', type=Path, metavar='DIR', help='work_dirs/DATA_MODEL')
    parser.add_argument('--seed', type=int, default=0, help='of all random numbers (0)')
    parser.add_argument(
        '--control', action='store_true', help='also train on permuted narrations, to compare'
    )
    parser.add_argument(
        '--config-only', action='store_true', help='write the config for a cluster, do not train'
    )
    parser.add_argument(
        '--device', choices=('cpu', 'cuda'), help='where to compute (a GPU if there is one)'
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    if args.device == 'cpu':
        os.environ['CUDA_VISIBLE_DEVICES'] = ''  # before torch looks for GPUs
    from stgr.apis.build import choose_device
    from stgr.apis.own_training import train_on

    choose_device(args.device)  # told before any work
    done = train_on(
        args.data,
        init=args.init,
        config=args.config,
        epochs=args.epochs,
        work_dir=args.work_dir,
        seed=args.seed,
        control=args.control,
        config_only=args.config_only,
        say=say,
    )
    config = shlex.quote(str(done.config))
    if done.checkpoint is None:
        say(f'wrote {done.config}; next: stgr extract {config}')
        say(f'then: torchrun --nproc-per-node N tools/train.py {config} --launcher pytorch')
        return
    say(f'ask it: stgr ground VIDEO --query "..." --out answers --model {config} '
        f'--weights {shlex.quote(str(done.checkpoint))}')  # fmt: skip
