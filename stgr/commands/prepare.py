"""``stgr prepare``: make training data of a folder of narrated videos."""

import argparse
import shlex
from pathlib import Path

from stgr.commands.base import Commands, say


def add_to(commands: Commands) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        'prepare', help='make training data of narrated videos and their subtitles'
    )
    parser.add_argument('folders', nargs='+', type=Path, metavar='DIR', help='folder of videos')
    parser.add_argument('--out', type=Path, required=True, metavar='DATA', help='training data')
    parser.add_argument(
        '--language', metavar='CODE', help="leave out what is clearly in another one, such as 'en'"
    )
    parser.add_argument(
        '--speech', metavar='MODEL',
        help='recognise speech of videos without subtitles: size, name or folder of a model of '
        'faster-whisper',
    )  # fmt: skip
    parser.add_argument('--device', help='of the speech model: cpu or cuda (a GPU if there is one)')
    parser.add_argument('--val', type=float, default=0.1, help='share for validation (0.1)')
    parser.add_argument('--test', type=float, default=0.1, help='share for testing (0.1)')
    parser.add_argument('--seed', type=int, default=0, help='of the division (0)')
    parser.add_argument('--min-words', type=int, default=2, help='of a caption (2)')
    parser.add_argument('--max-words', type=int, default=20, help='longer ones are split (20)')
    parser.add_argument('--max-seconds', type=float, default=16.0, help='likewise (16)')
    parser.add_argument('--retry-failed', action='store_true', help='try failed videos again')
    parser.add_argument('--workers', type=int, default=1, metavar='N', help='processes (1)')
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    from stgr.apis.prepare import SHEET, PreparationSettings, prepare
    from stgr.apis.progress import bar_or_lines
    from stgr.preparation import CaptionLimits, SplitRule

    settings = PreparationSettings(
        language=args.language,
        limits=CaptionLimits(args.min_words, args.max_words, max_sec=args.max_seconds),
        split=SplitRule(args.val, args.test, args.seed),
        speech=args.speech,
        device=args.device,
        retry_failed=args.retry_failed,
        workers=args.workers,
    )
    done = prepare(args.folders, args.out, settings, progress=bar_or_lines('preparing videos'))
    for line in _lines(done.statistics):
        say(line)
    if done.gone:
        say(f'{len(done.gone)} videos of earlier runs are gone and left out')
    if done.strays:
        say(
            f'{len(done.strays)} subtitle files belong to no video beside them, such as '
            f'{done.strays[0]}; those of egg.mp4 are called egg.srt or egg.en.srt'
        )
    for video_id, reason in list(done.failed.items())[:3]:
        say(f'failed: {video_id}: {reason}')
    if done.failed:
        say(f'{len(done.failed)} failed: {args.out / "failed.jsonl"}; --retry-failed tries again')
    say(f'{done.prepared} videos prepared now; look them over in {args.out / SHEET}')
    say(f'train with: stgr train --data {shlex.quote(str(args.out))} --init ours_clip')


def _lines(statistics: dict) -> list[str]:
    """Return what was kept and what was left out, in words."""
    videos, cues = dict(statistics['videos']), dict(statistics['cues'])
    numbers = statistics['all']
    splits = ', '.join(f'{n["videos"]} {name}' for name, n in statistics['splits'].items())
    lines = [
        f'{videos.pop("used")} of {videos.pop("found")} videos used ({splits}): '
        f'{numbers["hours"]:.2f} hours, {numbers["captions"]} captions, {numbers["words"]} words'
    ]
    out = ', '.join(f'{count} {what}' for what, count in videos.items() if count)
    if out:
        lines.append(f'videos left out: {out}')
    lines.append(f'{cues.pop("read")} cues read: ' + ', '.join(f'{n} {k}' for k, n in cues.items()))
    languages = ', '.join(f'{n} {name}' for name, n in statistics['languages'].items())
    lines.append(f'languages: {languages}')
    return lines
