"""``stgr index``: make a library of videos searchable."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from stgr.commands.base import Commands, say

if TYPE_CHECKING:
    from stgr.search.building import IndexReport


def add_to(commands: Commands) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser('index', help='make a library of videos searchable')
    parser.add_argument('videos', type=Path, metavar='DIR', help='folder of videos, with folders')
    parser.add_argument(
        '--out', type=Path, default=Path('stgr_index'), metavar='INDEX',
        help='folder of the index (stgr_index)',
    )  # fmt: skip
    parser.add_argument(
        '--kind', default='exact', help='exact, or hnsw or ivf for millions of frames (exact)'
    )
    parser.add_argument(
        '--model',
        default='ours_tiny',
        help='model name, config, saved folder or hub name (ours_tiny)',
    )
    parser.add_argument('--weights', type=Path, metavar='FILE', help='checkpoint of the model')
    parser.add_argument('--fps', type=float, default=1.0, help='frames per second of video (1)')
    parser.add_argument(
        '--reader', default='pyav', help='pyav, decord, torchcodec or isolated (pyav)'
    )
    parser.add_argument('--device', help='cpu or cuda (a GPU if there is one)')
    parser.add_argument(
        '--fresh', action='store_true', help='replace an index of another model or folder'
    )
    parser.add_argument('--retry-failed', action='store_true', help='try failed videos again')
    parser.add_argument(
        '--max-failed',
        type=float,
        metavar='SHARE',
        help='share of videos that may fail: stop when more have, and no error if fewer have',
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    from stgr.apis.feature_extraction import StoreReport, check_failures
    from stgr.apis.progress import bar
    from stgr.search.building import build_index

    report = build_index(
        args.videos,
        args.out,
        model=args.model,
        weights=args.weights,
        device=args.device,
        kind=args.kind,
        rate_fps=args.fps,
        reader=args.reader,
        fresh=args.fresh,
        retry_failed=args.retry_failed,
        max_failed=args.max_failed,
        progress=bar('encoding videos'),
    )
    for line in _lines(report, args.out):
        say(line)
    left_out = StoreReport(report.encoded, report.failures, report.failed_before)
    check_failures([left_out], args.max_failed)


def _lines(report: 'IndexReport', out: Path) -> list[str]:
    manifest = report.manifest
    lines = [f'encoded {report.encoded} videos, kept {report.kept}, removed {report.removed}']
    hours = manifest.num_frames / manifest.rate_fps / 3600
    state = 'wrote' if report.changed else 'up to date:'
    lines.append(f'{state} {out}: {len(manifest.videos)} videos, {hours:.2f} h, {manifest.kind}')
    if manifest.recall is not None:
        lines.append(
            f'recall@{manifest.recall_at} against exact search: {manifest.recall:.3f} '
            f'(texts that were not used to tune it)'
        )
    return lines
