"""``stgr annotate``: click where actions happen, and make a benchmark of the clicks."""

import argparse
import math
import re
import shlex
from pathlib import Path

from stgr.commands.base import Commands, say


def add_to(commands: Commands) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        'annotate', help='click where actions happen, and make a benchmark of the clicks'
    )
    parser.add_argument('videos', nargs='*', type=Path, metavar='VIDEO', help='video file')
    parser.add_argument(
        '--actions', type=Path, metavar='FILE', help='what to look for: a name per line, or JSON'
    )
    parser.add_argument(
        '--out', type=Path, default=Path('annotations'), metavar='DIR',
        help='where clicks and boxes go (annotations)',
    )  # fmt: skip
    parser.add_argument('--annotator', metavar='NAME', help='who clicks (the page asks)')
    parser.add_argument('--port', type=int, default=0, help='of the page (a free one)')
    parser.add_argument(
        '--merge', action='store_true', help="write GroundingYouTube's files from all clicks in DIR"
    )
    parser.add_argument('--box', default='paper', help='with --merge: paper or release (paper)')
    parser.add_argument(
        '--quorum', type=int, metavar='N', help='with --merge: clicks needed (more than half)'
    )
    parser.add_argument(
        '--frame-size', type=_size, metavar='WxH',
        help="with --merge: the boxes' frame, 640x480 for GroundingYouTube (that of the video)",
    )  # fmt: skip
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    if args.merge:
        if args.videos or args.actions or args.annotator:
            raise ValueError('--merge takes what was clicked in --out DIR, no videos or actions')
        _merge(args)
        return
    if not args.videos or not args.actions:
        raise ValueError('give at least one VIDEO and --actions FILE, or --merge')
    if args.quorum is not None or args.frame_size or args.box != 'paper':
        raise ValueError('--box, --quorum and --frame-size belong to --merge')
    _serve(args)


def _serve(args: argparse.Namespace) -> None:
    from stgr.annotation.project import begin_work
    from stgr.annotation.server import AnnotationServer

    videos = begin_work(args.out, args.videos, args.actions)
    with AnnotationServer(args.out, videos, annotator=args.annotator, port=args.port) as server:
        try:
            say(f'Open {server.url}')
            say(f'Every answer is saved to {args.out} at once; Ctrl-C ends.')
            server.serve_forever()
        except KeyboardInterrupt:
            out = shlex.quote(str(args.out))
            say(f'\nMake a benchmark of the clicks with: stgr annotate --merge --out {out}')


def _merge(args: argparse.Namespace) -> None:
    from stgr.annotation import merge_annotations

    report = merge_annotations(
        args.out, box_rule=args.box, quorum=args.quorum, frame_size=args.frame_size
    )
    say(f'annotators: {len(report.annotators)} ({", ".join(report.annotators)})')
    say(f'frames: {report.num_frames}, {report.num_unfinished} not answered by all')
    few, many = min(report.quorums.values()), max(report.quorums.values())
    needed = f'{few}' if few == many else f'{few} to {many}'
    say(f'present (at least {needed} clicks): {report.num_present}')
    say(f'corrupt: {report.num_corrupt}')
    say(f'boxes: {report.num_boxes} ({report.num_present - report.num_boxes} lost a shared second)')
    say(f'distance of two clicks: {_number(report.mean_distance_px, 1)} px')
    say(f"agreement on presence (Fleiss' kappa): {_number(report.presence_kappa, 3)}")
    say(f'wrote box_anno.json and the files beside it to {args.out}')


def _number(value: float, digits: int) -> str:
    return 'not defined' if math.isnan(value) else f'{value:.{digits}f}'


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r'([1-9]\d{0,4})x([1-9]\d{0,4})', text)
    if not found:
        raise argparse.ArgumentTypeError(f'expected WxH such as 640x480, got {text!r}')
    return int(found[1]), int(found[2])
