"""``stgr evaluate``: score anybody's predictions."""

import argparse
from pathlib import Path
from typing import Any

from stgr.commands.base import Commands, say


def _number_or_word(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


# Options that are settings of a protocol, with their type and help; which of them a protocol has
# is its own affair.
SETTINGS: dict[str, tuple[Any, str]] = {
    'mask_threshold': (float, 'a mask is where a heat map is >= this'),
    'heatmap_norm': (str, 'none, max, minmax or sum: scaling of each heat map before that'),
    'point_mode': (str, 'first, tie_mean or cell_centre: point of a heat map'),
    'iou_threshold': (float, 'of a spatial hit (0.3)'),
    'ap_classes': (str, 'all or predicted (V-HICO): classes in the mean of AP'),
    'missing': (str, 'background or error: a video, second, query or text without a prediction'),
    'extra_seconds': (str, 'drop or error: predictions after the end of a video'),
    'unknown_videos': (str, 'error or drop: videos, queries or texts that the truth lacks'),
    'second_offset': (float, 'added to an annotated second to find its prediction'),
    'seed': (int, 'of random predictors (0)'),
    'sizes': (str, 'file of frame sizes (beside the ground truth)'),
    'segments': (str, 'file of steps (beside the ground truth)'),
    'sentences': (str, 'file of sentences of YouCook2 (beside the ground truth)'),
    'clips': (str, 'file of single-action clips (beside the ground truth)'),
    'durations': (str, 'JSON file {video: seconds} (beside the ground truth, or guessed)'),
    'pool': (str, 'video, vid2step or global: actions asked for'),
    'pad_sec': (int, 'seconds after the last annotated one, where no length is known (7)'),
    'min_sec': (int, 'shortest clip (3)'),
    'max_sec': (int, 'longest clip (20)'),
    'tube': (str, 'class or instance: tubes of video mAP'),
    'overlap': (str, 'volume, mean_union or tiou_siou: overlap of tubes'),
    'match_rule': (str, 'best_gt or best_free: matching of tubes'),
    'gap': (int, 'frames between instances that join (0)'),
    'clip_lookup': (str, 'position (as released) or row: how the script finds its clips'),
    'black_map': (str, '.npz file with heat, the map of a black frame, for the script'),
    'fps': (_number_or_word, 'frames per second that are scored, or native'),
    'tail_sec': (float, 'seconds after the last step, where no length is known (30)'),
    'class_list': (str, 'file of the classes (beside the ground truth)'),
    'videos': (str, 'file of the videos that are scored (beside the ground truth), or all'),
    'native_fps': (str, 'JSON file {video: frames per second}'),
    'frame_labels': (str, 'folder of true labels per frame (from the steps)'),
    'transcripts': (str, 'folder of orders of steps (from the labels)'),
    'timeline': (str, 'auto (aligned where there are log-probabilities) or labels'),
    'block': (int, 'frames between possible boundaries (1)'),
    'max_length': (int, 'longest entry of a transcript in frames (any)'),
    'mean_length': (float, 'mean of a Poisson prior on lengths in frames (none)'),
    'background': (str, 'include or exclude it in the table'),
    'background_score': (_number_or_word, 'of background, or mean of the others (0.5 if absent)'),
    'shared_seconds': (str, 'once or each: a second that two segments share'),
    'frame': (str, 'annotated, or script: what the released script takes for it'),
    'split': (str, 'of the data set (test)'),
    'regions': (str, 'human or human_object: boxes of DALY'),
    'frame_size': (str, 'WxH of all videos'),
    'vidor': (str, "folder of VidOR's annotations"),
    'sample_fps': (float, 'frames per second that are looked at (5)'),
    'max_frames': (int, 'most frames of a clip that are looked at (200)'),
    'first_frame': (int, '1, or 0 as TubeDETR: number of the first annotated frame'),
    'ties': (str, 'expected, optimistic or pessimistic: rank among equals'),
}


def add_to(commands: Commands) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser('evaluate', help="score anybody's predictions")
    parser.add_argument(
        '--protocol',
        required=True,
        help='such as grounding_youtube, mining_youtube, vidstg, retrieval',
    )
    parser.add_argument('--ground-truth', type=Path, required=True, metavar='FILE')
    parser.add_argument(
        '--predictions', type=Path, required=True, metavar='FILE',
        help='JSON lines, .npz, or a folder of results',
    )  # fmt: skip
    parser.add_argument('--json', type=Path, metavar='OUT', help='where all numbers go')
    parser.add_argument('--report', type=Path, metavar='DIR', help='write a page of pictures there')
    parser.add_argument('--videos-dir', type=Path, metavar='DIR', help='videos behind its maps')
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
        videos_dir=args.videos_dir,
    )
    say(report_text(document, everything=args.all).rstrip('\n'))
    if args.json is not None:
        write_report(document, args.json)
    if args.report is not None:
        say(f'pictures: {args.report / "report.html"}')
