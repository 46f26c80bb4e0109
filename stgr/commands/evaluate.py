"""``stgr evaluate``: score anybody's predictions."""

import argparse
from pathlib import Path
from typing import Any

from stgr.commands.base import Commands, say

# Options that are settings of a protocol, with their type and help; which of them a protocol has
# is its own affair.
SETTINGS: dict[str, tuple[Any, str]] = {
    'mask_threshold': (float, 'a mask is where a heat map is >= this'),
    'heatmap_norm': (str, 'none, max, minmax or sum: scaling of each heat map before that'),
    'point_mode': (str, 'first, tie_mean or cell_centre: point of a heat map'),
    'iou_threshold': (float, 'of a spatial hit (0.3)'),
    'missing': (str, 'background or error: a video or second without a prediction'),
    'extra_seconds': (str, 'drop or error: predictions after the end of a video'),
    'unknown_videos': (str, 'error or drop: videos that the ground truth lacks'),
    'second_offset': (float, 'added to an annotated second to find its prediction (0)'),
    'seed': (int, 'of random predictors (0)'),
    'sizes': (str, 'file of frame sizes (beside the ground truth)'),
    'segments': (str, 'file of steps (beside the ground truth)'),
    'durations': (str, 'JSON file {video: seconds} (beside the ground truth, or guessed)'),
    'pool': (str, 'video, vid2step or global: actions asked for'),
    'pad_sec': (int, 'seconds after the last annotated one, where no length is known (7)'),
    'tube': (str, 'class or instance: tubes of video mAP'),
    'overlap': (str, 'volume, mean_union or tiou_siou: overlap of tubes'),
    'match_rule': (str, 'best_gt or best_free: matching of tubes'),
    'gap': (int, 'frames between instances that join (0)'),
}


def add_to(commands: Commands) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser('evaluate', help="score anybody's predictions")
    parser.add_argument('--protocol', required=True, help='such as grounding_youtube, exchange')
    parser.add_argument('--ground-truth', type=Path, required=True, metavar='FILE')
    parser.add_argument(
        '--predictions', type=Path, required=True, metavar='FILE',
        help='JSON lines, .npz, or a folder of results',
    )  # fmt: skip
    parser.add_argument('--json', type=Path, metavar='OUT', help='where all numbers go')
    parser.add_argument('--report', type=Path, metavar='DIR', help='write a page of pictures there')
    parser.add_argument('--videos', type=Path, metavar='DIR', help='videos behind its maps')
    parser.add_argument('--name', default='', help='what to call the system (its file)')
    parser.add_argument('--all', action='store_true', help='print every score')
    for name, (kind, text) in SETTINGS.items():
        parser.add_argument(f'--{name.replace("_", "-")}', type=kind, help=text)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    from stgr.apis.evaluation import PROTOCOLS, build_protocol, evaluate
    from stgr.apis.evaluation.report import report_text, write_report

    given = {name: getattr(args, name) for name in SETTINGS}
    options = {name: value for name, value in given.items() if value is not None}
    protocol = build_protocol(PROTOCOLS, args.protocol, options)
    document = evaluate(
        protocol,
        args.ground_truth,
        args.predictions,
        name=args.name,
        report_dir=args.report,
        videos_dir=args.videos,
    )
    say(report_text(document, everything=args.all).rstrip('\n'))
    if args.json is not None:
        write_report(document, args.json)
    if args.report is not None:
        say(f'pictures: {args.report / "report.html"}')
