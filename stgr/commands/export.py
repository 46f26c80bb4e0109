"""``stgr export`` and ``stgr import``: answers for other tools, and corrected ones back."""

import argparse
from pathlib import Path

from stgr.commands.base import Commands, say

FORMATS_HELP = (
    'csv, json, activitynet, coco-video, vidstg, label-studio, cvat, via, fiftyone, srt, vtt, edl '
    'or otio'
)


def add_to(commands: Commands) -> None:
    """Add the arguments of both commands."""
    export = commands.add_parser('export', help='write answers for other tools')
    export.add_argument(
        'results', nargs='+', type=Path, metavar='RESULT', help='folder that stgr ground wrote'
    )
    export.add_argument('--to', required=True, metavar='FORMAT', help=FORMATS_HELP)
    export.add_argument(
        '--out', type=Path, metavar='PATH',
        help='file, or folder for formats of one file per video (beside RESULT)',
    )  # fmt: skip
    _add_common(export)
    export.set_defaults(run=_export)
    back = commands.add_parser('import', help='make ground truth of what other tools wrote')
    back.add_argument('files', nargs='+', type=Path, metavar='FILE')
    back.add_argument('--from', required=True, dest='source', metavar='FORMAT', help=FORMATS_HELP)
    back.add_argument('--out', type=Path, required=True, metavar='DIR', help='where it goes')
    _add_common(back)
    back.set_defaults(run=_import)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--video', action='append', default=[], type=Path, metavar='FILE',
        help='video file, for exact frame numbers, size and length; repeatable',
    )  # fmt: skip
    parser.add_argument('--fps', type=float, help="that the other tool counts with (the video's)")
    parser.add_argument('--overwrite', action='store_true', help='replace what is there')


def _export(args: argparse.Namespace) -> None:
    from stgr.apis.export import default_name, export_answers, facts_of_videos, load_answers
    from stgr.io.formats import find_format

    kind = find_format(args.to)
    answers = [one for result in args.results for one in load_answers(result)]
    out = args.out
    if out is None:
        if len(args.results) > 1:
            raise ValueError('several results: say with --out where they go')
        (result,) = args.results
        out = (result if result.is_dir() else result.parent) / default_name(answers, args.to)
    known = facts_of_videos(args.video, args.fps)
    for path in export_answers(answers, args.to, out, known=known, overwrite=args.overwrite):
        say(f'wrote {path}')
    lost = sorted({query for one in answers for query in one.not_found})
    if lost and not kind.holds_not_found:
        say(f'not in it, as {args.to} cannot say "not found": {", ".join(lost)}')


def _import(args: argparse.Namespace) -> None:
    from stgr.apis.export import facts_of_videos
    from stgr.apis.import_answers import ANSWERS_FILE, import_answers

    known = facts_of_videos(args.video, args.fps)
    report = import_answers(
        args.files, args.source, args.out, known=known, overwrite=args.overwrite
    )
    absent = sum(len(one.not_found) for one in report.videos)
    say(f'videos: {len(report.videos)}, spans: {report.num_spans}, not found: {absent}')
    say(f'boxes: {report.num_boxes}, one per second')
    if report.num_shared:
        say(f'seconds that an earlier action has already: {report.num_shared}')
    if report.num_unboxed:
        say(f'seconds of spans without boxes: {report.num_unboxed}')
    if report.num_short:
        say(f'spans between two seconds, in {ANSWERS_FILE} only: {report.num_short}')
    say(f'wrote box_anno.json and the files beside it, and {ANSWERS_FILE}, to {args.out}')
