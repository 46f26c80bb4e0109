"""Ground the same queries in one or many videos, and leave a folder of answers per video."""

import csv
import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stgr.apis.grounder import DEFAULT_MODEL, Grounder, find_videos
from stgr.apis.progress import bar
from stgr.io.atomic import write_atomically
from stgr.structures import GroundingResult

REPORT_FILE = 'report.html'
SUMMARY_COLUMNS = ('video', 'query', 'found', 'score', 'start_sec', 'end_sec', 'note')


@dataclass(frozen=True)
class GroundingJob:
    """What to look for and how; see ``Grounder`` and ``GroundingInferencer``."""

    queries: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    model: str = DEFAULT_MODEL
    weights: Path | None = None
    threshold: float | None = None
    rate_fps: float = 2.0
    min_duration_sec: float = 0.0
    max_gap_sec: float = 0.0
    reader: str = 'pyav'
    device: str | None = None


def read_actions(path: Path) -> tuple[str, ...]:
    """Return the action names of a file, one per line; blank lines are skipped.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it names no action or is no text.
    """
    try:
        lines = path.read_text(encoding='utf-8-sig').splitlines()  # editors may write a BOM
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} is no UTF-8 text; give one action name per line') from error
    actions = tuple(line.strip() for line in lines if line.strip())
    if not actions:
        raise ValueError(f'{path} names no action; give one per line')
    return actions


def ground_videos(
    job: GroundingJob,
    videos: Sequence[Path],
    out_dir: Path,
    *,
    fresh: bool = False,
    say: Callable[[str], None],
) -> list[GroundingResult]:
    """Answer a job on every video and write the answers.

    One video is answered in ``out_dir`` itself; of several, each in a folder of its name, with
    ``summary.csv`` beside them. A video that was answered before with the same questions, model
    and settings is not asked again, unless the video is newer. Of several videos, one that cannot
    be read is named and skipped; the others are answered, and an error at the end says how many
    failed.

    Args:
        job: What to look for.
        videos: Files and folders of videos.
        out_dir: Where to write; made if need be.
        fresh: Ask again what was answered.
        say: Called with one line at a time.

    Raises:
        ValueError: If there is nothing to look for, no video, or a video cannot be read.
        NotADirectoryError: If ``out_dir`` is a file.
    """
    files = list(find_videos(videos))
    _check_request(job, videos, files, out_dir)
    folders = [out_dir] if len(files) == 1 else _folders(files, out_dir)
    grounder = _grounder(job)
    if grounder.facts.notice:
        sys.stderr.write(f'NOTE: {grounder.facts.notice}\n')
    results, rows, failed = [], [], []
    for file, folder in zip(files, folders, strict=True):
        try:
            result = _answer(job, grounder, file, folder, fresh=fresh)
        except (ValueError, OSError) as error:
            if len(files) == 1:
                raise
            say(f'{file}: {error}')
            failed.append(file)
            rows.append([str(file), '', '', '', '', '', str(error)])
            continue
        results.append(result)
        rows += _summary_rows(file, result)
        for line in _lines(result):
            say(f'{file}: {line}' if len(files) > 1 else line)
        say(f'answers in {folder}')
    if len(files) > 1:
        out_dir.mkdir(parents=True, exist_ok=True)  # not there if no video could be answered
        write_atomically(out_dir / 'summary.csv', _table(rows))
        say(f'summary in {out_dir / "summary.csv"}')
    if failed:
        raise ValueError(f'{len(failed)} of {len(files)} videos could not be answered')
    return results


def _grounder(job: GroundingJob) -> Grounder:
    return Grounder(
        job.model,
        weights=job.weights,
        device=job.device,
        rate_fps=job.rate_fps,
        min_duration_sec=job.min_duration_sec,
        max_gap_sec=job.max_gap_sec,
        threshold=job.threshold,
        reader=job.reader,
    )


def _check_request(
    job: GroundingJob, videos: Sequence[Path], files: Sequence[Path], out_dir: Path
) -> None:
    """Fail before the model is loaded, and before anything is encoded."""
    from stgr.apis.inferencer import check_queries

    check_queries([*job.queries, *job.actions])
    if job.queries and job.actions:
        raise ValueError('expected queries or a pool of actions, but got both')
    if not files:
        raise ValueError(f'no videos in {", ".join(map(str, videos))}')
    if len(files) == 1 and not files[0].is_file():
        raise FileNotFoundError(f'no video {files[0]}')
    if out_dir.exists() and not out_dir.is_dir():
        raise NotADirectoryError(f'{out_dir} is a file; give a folder for the answers')


def _answer(
    job: GroundingJob, grounder: Grounder, file: Path, folder: Path, *, fresh: bool
) -> GroundingResult:
    """Return the answer that is there already, or ask and write it."""
    texts = [text.strip() for text in (*job.queries, *job.actions)]
    old = None if fresh else _old_answer(file, folder)
    if old is not None:
        settings = grounder.inferencer.settings(exclusive=bool(job.actions))
        same = [query.query for query in old.queries] == texts and old.model == grounder.facts
        if same and old.settings == settings and old.video.path == str(file):
            return old
    result = grounder.ground(
        file, queries=job.queries, actions=job.actions, progress=bar(f'encoding {file.name}')
    )
    # Written last: without it, an answer that is being replaced is known to be unfinished.
    (folder / REPORT_FILE).unlink(missing_ok=True)
    grounder.save(result, folder, progress=sys.stderr.isatty())
    return result


def _old_answer(file: Path, folder: Path) -> GroundingResult | None:
    """Return the complete answer of a folder, None if there is none as new as the video."""
    from stgr.io.results import load_result

    report = folder / REPORT_FILE
    if not (report.exists() and file.exists()) or file.stat().st_mtime > report.stat().st_mtime:
        return None
    try:
        return load_result(folder)
    except (ValueError, FileNotFoundError):  # damaged, or of another version of stgr
        return None


def _folders(files: Sequence[Path], out_dir: Path) -> list[Path]:
    """Return a folder per video: its name, with its ending where two share a name."""
    stems = [file.stem for file in files]
    names = [f.stem if stems.count(f.stem) == 1 else f.name for f in files]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f'several videos are called {", ".join(twice)}; rename them')
    return [out_dir / name for name in names]


def _lines(result: GroundingResult) -> list[str]:
    """Return the answer in words, a line per query and warning."""
    lines = [f'warning: {warning}' for warning in result.video.warnings]
    for query in result.queries:
        if not query.found:
            lines.append(f'"{query.query}": not found (highest similarity {query.score:.2f})')
            continue
        spans = ', '.join(f'{s.start_sec:.1f}-{s.end_sec:.1f} s' for s in query.spans)
        lines.append(f'"{query.query}": {spans} (similarity {query.score:.2f})')
    return lines


def _summary_rows(file: Path, result: GroundingResult) -> list[list[str]]:
    """Return a row per span, and one per query that was not found."""
    rows = []
    for query in result.queries:
        if not query.found:
            rows.append([str(file), query.query, 'no', f'{query.score:.4f}', '', '', ''])
        rows += [
            [str(file), query.query, 'yes', f'{s.score:.4f}', f'{s.start_sec:.3f}',
             f'{s.end_sec:.3f}', '']
            for s in query.spans
        ]  # fmt: skip
    return rows


def _table(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(SUMMARY_COLUMNS)
    writer.writerows(rows)
    return text.getvalue().encode()
