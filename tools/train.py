"""Train the model of a config: ``python tools/train.py configs/ours_clip.py --resume``."""

import argparse
import sys
from collections.abc import Sequence

from stgr.apis.train import AUTO, WRAPPERS, train_model
from stgr.apis.user_errors import run_command


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line, train, and return the exit status."""
    args = _parser().parse_args(argv)
    return run_command(
        lambda: train_model(
            args.config,
            work_dir=args.work_dir,
            resume=args.resume,
            amp=args.amp,
            overrides=args.cfg_options,
            launcher=args.launcher,
            seed=args.seed,
        )
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description='Train the model of a config.')
    parser.add_argument('config', help='config file or model name')
    parser.add_argument('--work-dir', help='folder of checkpoints and logs')
    parser.add_argument(
        '--resume',
        nargs='?',
        const=AUTO,
        metavar='CHECKPOINT',
        help='go on from a checkpoint; without one, from the last of the work folder',
    )
    parser.add_argument(
        '--amp',
        nargs='?',
        const='bf16',
        choices=tuple(WRAPPERS),
        help='run forward passes in half precision (bf16 if none is named)',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action='extend',
        default=[],
        metavar='KEY=VALUE',
        help='change values of the config; +KEY=VALUE adds one',
    )
    parser.add_argument('--launcher', choices=('none', 'pytorch', 'slurm', 'mpi'), default='none')
    parser.add_argument(
        '--seed', type=int, help="seed of all random numbers (default: the config's)"
    )
    return parser


if __name__ == '__main__':
    sys.exit(main())
