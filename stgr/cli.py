"""The ``stgr`` command."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from stgr import __version__


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
    _add_ground(commands)
    _add_models(commands)
    _add_make_tiny_kitchen(commands)
    _add_extract(commands)
    return parser


def _add_ground(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    parser = commands.add_parser('ground', help='find actions in videos')
    parser.add_argument('videos', nargs='+', type=Path, metavar='VIDEO', help='file or folder')
    parser.add_argument(
        '--query', action='append', default=[], help='text to look for, judged alone; repeatable'
    )
    parser.add_argument(
        '--actions', type=Path, metavar='FILE', help='pool of action names, one per line'
    )
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='where answers go')
    parser.add_argument('--model', default='ours_tiny', help='model name or config (ours_tiny)')
    parser.add_argument('--weights', type=Path, metavar='FILE', help='checkpoint of the model')
    parser.add_argument('--threshold', type=float, help="instead of the model's calibrated one")
    parser.add_argument('--fps', type=float, default=2.0, help='evaluated frames per second (2)')
    parser.add_argument('--min-duration', type=float, default=0.0, metavar='SEC')
    parser.add_argument('--max-gap', type=float, default=0.0, metavar='SEC')
    parser.add_argument('--reader', default='pyav', help='pyav, decord or torchcodec (pyav)')
    parser.add_argument('--device', help='cpu or cuda (a GPU if there is one)')
    parser.add_argument('--fresh', action='store_true', help='answer again what is answered')
    parser.set_defaults(run=_ground)


def _ground(args: argparse.Namespace) -> None:
    from stgr.apis.ground_videos import GroundingJob, ground_videos, read_actions

    job = GroundingJob(
        queries=tuple(args.query),
        actions=read_actions(args.actions) if args.actions else (),
        model=args.model,
        weights=args.weights,
        threshold=args.threshold,
        rate_fps=args.fps,
        min_duration_sec=args.min_duration,
        max_gap_sec=args.max_gap,
        reader=args.reader,
        device=args.device,
    )
    ground_videos(job, args.videos, args.out, fresh=args.fresh, say=_say)


def _add_models(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    parser = commands.add_parser('models', help='list models')
    parser.set_defaults(run=_models)


def _models(args: argparse.Namespace) -> None:
    del args
    from stgr.apis.model_hub import list_models

    for entry in list_models():
        need = 'bundled weights' if entry.weights else 'give --weights FILE if it learns'
        _say(f'{entry.name:42} {need}')


def _add_make_tiny_kitchen(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    parser = commands.add_parser('make-tiny-kitchen', help='generate narrated videos with truth')
    parser.add_argument('out', type=Path, metavar='OUT')
    parser.add_argument('--videos', type=int, required=True, metavar='N', help='at least 4')
    parser.add_argument('--seed', type=int, default=0, metavar='S')
    parser.add_argument('--workers', type=int, help='processes (one per core)')
    parser.set_defaults(run=_make_tiny_kitchen)


def _make_tiny_kitchen(args: argparse.Namespace) -> None:
    import os

    from stgr.apis.progress import bar
    from stgr.datasets.tiny_kitchen.writer import make_tiny_kitchen

    manifest = make_tiny_kitchen(
        args.out,
        n_videos=args.videos,
        seed=args.seed,
        n_workers=args.workers or os.cpu_count() or 1,
        progress=bar('generating videos'),
    )
    _say(f'wrote {manifest}')


def _add_extract(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    parser = commands.add_parser('extract', help="store the features of a config's videos")
    parser.add_argument('config', help='model name or config')
    parser.add_argument('--device', help='cpu or cuda (a GPU if there is one)')
    parser.set_defaults(run=_extract)


def _extract(args: argparse.Namespace) -> None:
    from stgr.apis.extract import extract_features

    done = extract_features(args.config, device=args.device)
    _say(f'encoded {done} videos')


def _say(message: str) -> None:
    sys.stdout.write(f'{message}\n')


if __name__ == '__main__':
    sys.exit(main())
