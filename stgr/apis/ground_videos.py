"""Ground the same queries in one or many videos, and leave a folder of answers per video."""

import csv
import io
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stgr.apis.grounder import Grounder, find_videos
from stgr.apis.progress import bar
from stgr.apis.user_errors import DEBUG_VARIABLE, is_user_error, one_line
from stgr.io.atomic import FULL_DISK, write_atomically
from stgr.io.formats.csv_table import COLUMNS, PROBABILITY_COLUMNS
from stgr.structures import GroundingResult, QueryResult, Span

REPORT_FILE = 'report.html'
SUMMARY_COLUMNS = (*COLUMNS, 'note')


@dataclass(frozen=True)
class GroundingJob:
    """What to look for and how; see ``Grounder`` and ``GroundingInferencer``."""

    queries: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    model: str | None = None
    method: str = 'trained'
    prompts: Path | None = None
    weights: Path | None = None
    threshold: float | None = None
    rate_fps: float | None = None
    min_duration_sec: float | None = None
    max_gap_sec: float | None = None
    reader: str = 'pyav'
    device: str | None = None
    calibration: Path | None = None
    min_score: float | None = None


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
) -> list[Path]:
    """Answer a job on every video and write the answers.

    One video is answered in ``out_dir`` itself; of several, or of a folder, each in a folder of its
    name, with ``summary.csv`` beside them. A video that was answered before with the same
    questions, model and settings is not asked again, unless the video is newer. Of several videos,
    one that cannot be answered is named and skipped; the others are answered, and an error at the
    end says how many failed. A full disk ends the batch.

    Args:
        job: What to look for.
        videos: Files and folders of videos.
        out_dir: Where to write; made if need be.
        fresh: Ask again what was answered.
        say: Called with one line at a time.

    Returns:
        The folders of the answers, in the order of the videos.

    Raises:
        ValueError: If there is nothing to look for, no video, or a video cannot be answered.
        NotADirectoryError: If ``out_dir`` is a file.
        PermissionError: If ``out_dir`` cannot be written to.
    """

    def tell(line: str) -> None:
        say(' '.join(line.splitlines()))  # names of files and queries may hold line ends

    files = list(find_videos(videos))
    _check_request(job, videos, files, out_dir)
    one = len(files) == 1 and not any(map(os.path.isdir, videos))  # a folder may get more
    folders = [out_dir] if one else _folders(files, out_dir)
    grounder = _grounder(job)
    if grounder.facts.notice:
        sys.stderr.write(f'NOTE: {grounder.facts.notice}\n')
    if one:
        _answer_and_tell(job, grounder, files[0], folders[0], fresh=fresh, say=tell)
        return folders

    def answer(file: Path, folder: Path) -> list[list[str]]:
        start = f'{file}: '
        return _answer_and_tell(job, grounder, file, folder, fresh=fresh, say=tell, start=start)

    _answer_all(answer, files, folders, out_dir, tell)
    return folders


def _answer_all(
    answer: Callable[[Path, Path], list[list[str]]],
    files: Sequence[Path],
    folders: Sequence[Path],
    out_dir: Path,
    say: Callable[[str], None],
) -> None:
    """Answer one video after the other; write the summary however it ends.

    Args:
        answer: Answers a file in a folder and returns its rows of the summary.
        files: The videos.
        folders: Their folders.
        out_dir: Where the summary goes.
        say: Called with one line at a time.

    Raises:
        ValueError: If a video could not be answered.
    """
    rows: list[list[str]] = []
    failed = untried = 0
    try:
        for tried, (file, folder) in enumerate(zip(files, folders, strict=True), 1):
            try:
                rows += answer(file, folder)
            except Exception as error:
                if os.environ.get(DEBUG_VARIABLE):
                    raise
                reason = _reason(error, file)
                say(f'{file}: {reason}')
                failed += 1
                rows.append([str(file), '', '', '', '', '', reason])
                if getattr(error, 'errno', None) in FULL_DISK:
                    untried = len(files) - tried
                    break
    finally:
        _write_summary(rows, out_dir, say)
    _check_none_failed(failed, untried, len(files))


def _reason(error: Exception, file: Path) -> str:
    """Return on one line why a video failed, without its name; what nobody expects has its type."""
    reason = one_line(error).removeprefix(f'{file}: ')
    return reason if is_user_error(error) else f'{type(error).__name__}: {reason}'


def _write_summary(rows: list[list[str]], out_dir: Path, say: Callable[[str], None]) -> None:
    if not rows:  # interrupted before the first answer: an older summary is worth more
        return
    out_dir.mkdir(parents=True, exist_ok=True)  # not there if no video could be answered
    write_atomically(out_dir / 'summary.csv', _table(rows))
    say(f'summary in {out_dir / "summary.csv"}')


def _check_none_failed(failed: int, untried: int, total: int) -> None:
    """Raise if videos failed; ``untried`` ones are left because the disk is full."""
    message = f'{failed} of {total} videos could not be answered'
    if untried:
        verb = 'was' if untried == 1 else 'were'
        message = f'the disk is full: {message} and {untried} more {verb} not tried; free some'
    if failed:
        raise ValueError(message)


def _grounder(job: GroundingJob) -> Grounder:
    return Grounder(
        job.model,
        weights=job.weights,
        method=job.method,
        prompts=job.prompts,
        device=job.device,
        rate_fps=job.rate_fps,
        min_duration_sec=job.min_duration_sec,
        max_gap_sec=job.max_gap_sec,
        threshold=job.threshold,
        reader=job.reader,
        calibration=job.calibration,
        min_score=job.min_score,
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
        raise ValueError(f'no videos in {", ".join(map(str, videos))}; name a file or their folder')
    if len(files) == 1 and not files[0].is_file():
        raise FileNotFoundError(f'no such file: {files[0]}; give a video file or a folder of them')
    _check_writable(out_dir)


def _check_writable(out_dir: Path) -> None:
    """Raise unless the folder can be written to or made, which is not done here."""
    place = next(folder for folder in (out_dir, *out_dir.absolute().parents) if folder.exists())
    if not place.is_dir():
        raise NotADirectoryError(f'{place} is a file; give a folder for the answers')
    if not os.access(place, os.W_OK | os.X_OK):
        raise PermissionError(f'{place} cannot be written to; give another folder for the answers')


def _answer_and_tell(
    job: GroundingJob,
    grounder: Grounder,
    file: Path,
    folder: Path,
    *,
    fresh: bool,
    say: Callable[[str], None],
    start: str = '',
) -> list[list[str]]:
    """Answer one video, say what was found and return its rows of the summary."""
    result = _answer(job, grounder, file, folder, fresh=fresh)
    for line in _lines(result):
        say(f'{start}{line}')
    say(f'answers in {folder}')
    return _summary_rows(file, result)


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
            facts = f'{_probable(query)}highest similarity {query.score:.2f}'
            why = result.why_not(query)
            lines.append(f'"{query.query}": not found ({facts}{", " if why else ""}{why})')
            continue
        spans = ', '.join(_span_text(span) for span in query.spans)
        facts = f'{_probable(query)}similarity {query.score:.2f}'
        lines.append(f'"{query.query}": {spans} ({facts})')
    return lines


def _probable(query: QueryResult) -> str:
    return '' if query.probability is None else f'probability {query.probability:.2f}, '


def _span_text(span: Span) -> str:
    text = f'{span.start_sec:.1f}-{span.end_sec:.1f} s'
    return text if span.probability is None else f'{text} [{span.probability:.2f}]'


def _summary_rows(file: Path, result: GroundingResult) -> list[list[str]]:
    """Return a row per span, and one per query that was not found."""
    rows = []
    for query in result.queries:
        if not query.found:
            facts = [str(file), query.query, 'no', f'{query.score:.4f}', '', '', '']
            rows.append([*facts, *_probability_cells(query.probability, None)])
        rows += [
            [str(file), query.query, 'yes', f'{s.score:.4f}', f'{s.start_sec:.3f}',
             f'{s.end_sec:.3f}', '', *_probability_cells(query.probability, s.probability)]
            for s in query.spans
        ]  # fmt: skip
    return rows


def _probability_cells(*probabilities: float | None) -> list[str]:
    """Return a cell each, none at all where no model told any."""
    if all(probability is None for probability in probabilities):
        return []
    return ['' if value is None else f'{value:.4f}' for value in probabilities]


def _table(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    calibrated = any(len(row) > len(SUMMARY_COLUMNS) for row in rows)
    writer.writerow([*SUMMARY_COLUMNS, *(PROBABILITY_COLUMNS if calibrated else ())])
    writer.writerows(rows)
    return text.getvalue().encode(errors='backslashreplace')  # names of files may be no text
