"""``stgr ground``: find actions in videos."""

import argparse
from pathlib import Path

from stgr.commands.base import Commands, add_span_options, say


def add_to(commands: Commands) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser('ground', help='find actions in videos')
    parser.add_argument('videos', nargs='+', type=Path, metavar='VIDEO', help='file or folder')
    parser.add_argument(
        '--query', action='append', default=[], help='text to look for, judged alone; repeatable'
    )
    parser.add_argument(
        '--actions', type=Path, metavar='FILE', help='pool of action names, one per line'
    )
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='where answers go')
    parser.add_argument(
        '--method', default='trained', help='trained, or gem: any image-text model, untrained'
    )
    parser.add_argument(
        '--model',
        help='model name, config, saved folder or hub name (ours_tiny); with gem a CLIP or '
        'SigLIP: folder or hub name (openai/clip-vit-base-patch16)',
    )
    parser.add_argument(
        '--prompts', type=Path, metavar='FILE', help='descriptions, verbs and objects, for gem'
    )
    parser.add_argument('--weights', type=Path, metavar='FILE', help='checkpoint of the model')
    parser.add_argument('--threshold', type=float, help="instead of the model's calibrated one")
    parser.add_argument(
        '--min-score', type=float, metavar='P',
        help='a query that happens less probably is not found; spans of one that is found all '
        'stay. Needs a calibrated model (stgr calibrate)',
    )  # fmt: skip
    parser.add_argument(
        '--calibration', type=Path, metavar='FILE', help='file of stgr calibrate (beside weights)'
    )
    parser.add_argument('--fps', type=float, help="evaluated per second (the config's, or 2)")
    add_span_options(parser)
    parser.add_argument(
        '--reader',
        default='pyav',
        help='pyav, decord, torchcodec, torchcodec_cuda or isolated (pyav)',
    )
    parser.add_argument('--device', help='cpu or cuda (a GPU if there is one)')
    parser.add_argument('--fresh', action='store_true', help='answer again what is answered')
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    from stgr.apis.ground_videos import GroundingJob, ground_videos, read_actions

    job = GroundingJob(
        queries=tuple(args.query),
        actions=read_actions(args.actions) if args.actions else (),
        model=args.model,
        method=args.method,
        prompts=args.prompts,
        weights=args.weights,
        threshold=args.threshold,
        rate_fps=args.fps,
        min_duration_sec=args.min_duration,
        max_gap_sec=args.max_gap,
        reader=args.reader,
        device=args.device,
        calibration=args.calibration,
        min_score=args.min_score,
    )
    ground_videos(job, args.videos, args.out, fresh=args.fresh, say=say)
