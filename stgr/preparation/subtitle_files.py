"""Find the subtitles beside a video, and read them whatever their format."""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from stgr.preparation.cues import Subtitles
from stgr.preparation.decoding import decode_text
from stgr.preparation.json_subtitles import read_json_subtitles
from stgr.preparation.language import language_code
from stgr.preparation.pysubs2_files import read_with_pysubs2
from stgr.preparation.webvtt import HEADER, read_webvtt

# Of one video the first that is there: what people made before what may be automatic, then what
# tells the times of words.
SUFFIXES = ('.srt', '.ass', '.ssa', '.json3', '.vtt', '.json')
# Subtitles of hours have some 100 kB, with times of words a few MB.
MAX_FILE_BYTES = 1 << 24
_LANGUAGE_TAG = re.compile(r'\.([A-Za-z]{2,3})(?:[-_][A-Za-z0-9-]{1,16})?')
_SUBSTATION_MARKS = ('[Script Info]', '[V4+ Styles]')


def find_subtitles(video: Path, files: Iterable[Path], language: str | None) -> Path | None:
    """Return the subtitle file of a video, None if there is none.

    It is called as the video, with or without a language: ``egg.srt``, ``egg.en.vtt``,
    ``egg.en-US.json3``, or ``egg.mp4.srt``. An umlaut may be written as one character or as two,
    as file systems have it. A file of the wanted language comes before one that names none; one of
    another language is not taken. Without a wanted language, one that names none comes first, then
    English, then the others by name.

    Args:
        video: The video.
        files: What lies beside it.
        language: Wanted language, such as ``'en'``; None: any.
    """
    found = [
        (_preference(named, language), SUFFIXES.index(file.suffix.lower()), file.name, file)
        for file in files
        if file.suffix.lower() in SUFFIXES
        and (named := _named_language(file.stem, video)) is not None
        and _preference(named, language) is not None
    ]
    return min(found, default=(None, 0, '', None))[-1]


def belongs_to(file: Path, video: Path) -> bool:
    """Return whether a file is called as subtitles of a video are, in whatever language."""
    return file.parent == video.parent and _named_language(file.stem, video) is not None


def _named_language(stem: str, video: Path) -> str | None:
    """Return the language in a subtitle's name, '' without one, None if it is of another video."""
    stem, video_stem = composed(stem), composed(video.stem)
    if stem in (video_stem, composed(video.name)):
        return ''
    tag = (
        _LANGUAGE_TAG.fullmatch(stem.removeprefix(video_stem))
        if stem.startswith(video_stem)
        else None
    )
    return None if tag is None else language_code(tag[1])


def composed(name: str) -> str:
    """Return a name as it compares: with each accent in one character with its letter."""
    return unicodedata.normalize('NFC', name)


def _preference(named: str, wanted: str | None) -> int | None:
    """Return the rank of a language, lower is better; None if it will not do."""
    if wanted is None:
        return {'': 0, 'en': 1}.get(named, 2)
    return {language_code(wanted): 0, '': 1}.get(named)


def read_subtitles(path: Path) -> Subtitles:
    """Return what a subtitle file says: SRT, VTT, ASS, SSA, YouTube's or Whisper's JSON.

    Its beginning counts more than its suffix, since VTT is often called ``.srt``.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If pysubs2 is needed and not installed.
        ValueError: If it is too large, no text, broken, or holds no cue; the file is named.
    """
    where, size = str(path), path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise ValueError(f'{where} holds {size} bytes; subtitles have at most {MAX_FILE_BYTES}')
    text, note = decode_text(path.read_bytes(), where=where)
    found = _read(text, path.suffix.lower(), where)
    if not found.cues:
        raise ValueError(f'{where}: holds no subtitle')
    return (
        found if note is None else Subtitles(found.cues, found.skipped, (f'{path.name}: {note}',))
    )


def _read(text: str, suffix: str, where: str) -> Subtitles:
    start = text[:1000].lstrip('\ufeff \t\n')
    if suffix in ('.json', '.json3') or start.startswith('{'):
        return read_json_subtitles(text, where=where)
    if suffix == '.vtt' or start.startswith(HEADER):
        return read_webvtt(text.lstrip('\ufeff'), where=where)
    if suffix in ('.ass', '.ssa') or start.startswith(_SUBSTATION_MARKS):
        return read_with_pysubs2(text, 'ass', where=where)
    return read_with_pysubs2(text, 'srt', where=where)
