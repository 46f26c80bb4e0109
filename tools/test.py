"""Test a checkpoint: ``python tools/test.py configs/ours_tiny.py epoch_9.pth``."""

import argparse
import sys
from collections.abc import Sequence

from stgr.apis.train import evaluate_checkpoint
from stgr.apis.user_errors import run_command


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line, test, print the metrics, and return the exit status."""
    args = _parser().parse_args(argv)
    return run_command(lambda: _test(args))


def _test(args: argparse.Namespace) -> None:
    metrics = evaluate_checkpoint(
        args.config,
        args.checkpoint,
        work_dir=args.work_dir,
        overrides=args.cfg_options,
        launcher=args.launcher,
        untrained=args.untrained,
    )
    for name, value in metrics.items():
        print(f'{name}: {value:.4f}')


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description='Test a checkpoint on the test set of a config.')
    parser.add_argument('config', help='config file or model name')
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='weights made with this config; none for a model that has nothing to learn',
    )
    parser.add_argument(
        '--untrained',
        action='store_true',
        help='test a model as it is built, such as baselines/milnce_s3d',
    )
    parser.add_argument('--work-dir', help='folder of the logs')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action='extend',
        default=[],
        metavar='KEY=VALUE',
        help='change values of the config; +KEY=VALUE adds one',
    )
    parser.add_argument('--launcher', choices=('none', 'pytorch', 'slurm', 'mpi'), default='none')
    return parser


if __name__ == '__main__':
    sys.exit(main())
