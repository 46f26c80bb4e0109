"""``stgr calibrate``: learn how probable answers are."""

import argparse
from pathlib import Path

from stgr.commands.base import Commands, add_span_options, say


def add_to(commands: Commands) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        'calibrate', help='learn from validation videos how probable answers are'
    )
    parser.add_argument('model', help='model name or config')
    parser.add_argument('--weights', type=Path, metavar='FILE', help='checkpoint of the model')
    parser.add_argument('--data', type=Path, metavar='DIR', help="validation split (the config's)")
    parser.add_argument(
        '--features', type=Path, metavar='DIR', help="store of their features (the config's)"
    )
    parser.add_argument('--decode', action='store_true', help='decode the videos instead')
    parser.add_argument(
        '--out', type=Path, metavar='FILE', help='NAME.calibration.json (beside the weights)'
    )
    parser.add_argument(
        '--test', type=Path, metavar='DIR', help='test split to score on; nothing is chosen there'
    )
    parser.add_argument('--report', type=Path, metavar='DIR', help='page of the test scores')
    parser.add_argument('--threshold', type=float, help="instead of the model's, for spans")
    parser.add_argument('--fps', type=float, help="evaluated per second (the config's, or 2)")
    add_span_options(parser)
    parser.add_argument(
        '--reader', default='pyav', help='pyav, decord, torchcodec or isolated (pyav)'
    )
    parser.add_argument('--device', help='cpu or cuda (a GPU if there is one)')
    parser.add_argument('--resamples', type=int, default=500, help='for the intervals (500)')
    parser.add_argument('--seed', type=int, default=0, help='of resamples and controls (0)')
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    from stgr.apis.calibration import CalibrationJob, calibrate_model

    job = CalibrationJob(
        model=args.model,
        weights=args.weights,
        data=args.data,
        features=args.features,
        decode=args.decode,
        out=args.out,
        test=args.test,
        report=args.report,
        rate_fps=args.fps,
        threshold=args.threshold,
        min_duration_sec=args.min_duration,
        max_gap_sec=args.max_gap,
        device=args.device,
        reader=args.reader,
        num_resamples=args.resamples,
        seed=args.seed,
    )
    calibrate_model(job, say=say)
