"""Read the JSON of YouTube's captions (``json3``), of Whisper and of whisper.cpp."""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from stgr.preparation.cues import Cue, Subtitles, Word, until_next

UNREADABLE = 'unreadable entries'


def read_json_subtitles(text: str, *, where: str) -> Subtitles:
    """Return the cues of a JSON file, whichever of the known kinds it is.

    * YouTube (``yt-dlp --sub-format json3``): ``{"events": [{"tStartMs", "dDurationMs",
      "segs": [{"utf8", "tOffsetMs"}]}]}``, with times of words in automatic captions;
    * Whisper, faster-whisper, WhisperX, whisper-timestamped: ``{"segments": [{"start", "end",
      "text", "words"}]}`` or the list alone;
    * whisper.cpp: ``{"transcription": [{"offsets": {"from", "to"}, "text"}]}``, milliseconds.

    An entry without the fields it needs is counted as skipped.

    Args:
        text: The file's text.
        where: How to call it in an error.

    Raises:
        ValueError: If it is not JSON or of another kind.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{where}: broken JSON: {error}') from error
    entries, to_cue = _kind(document, where)
    cues: list[Cue] = []
    skipped: Counter[str] = Counter()
    for entry in entries:
        try:
            cue = to_cue(entry)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            skipped[UNREADABLE] += 1
            continue
        if cue is not None:
            cues.append(cue)
    return Subtitles(tuple(cues), skipped)


def _kind(document: Any, where: str) -> tuple[Iterable[Any], Callable[[Any], Cue | None]]:
    """Return the entries of a document and the function that reads one."""
    readers = {
        'events': _youtube_cue,
        'segments': _whisper_cue,
        'transcription': _whisper_cpp_cue,
    }
    if isinstance(document, list):
        return document, _whisper_cue
    for key, reader in readers.items():
        if isinstance(document, dict) and isinstance(document.get(key), list):
            return document[key], reader
    raise ValueError(
        f'{where}: expected captions of YouTube ("events") or Whisper ("segments"), found neither'
    )


def _youtube_cue(entry: dict[str, Any]) -> Cue | None:
    segments = entry.get('segs')
    if not segments:
        return None  # a window's position, no text
    start_ms = _number(entry['tStartMs'])
    start_sec, end_sec = start_ms / 1000, (start_ms + _number(entry.get('dDurationMs', 0))) / 1000
    text = ''.join(_text(segment['utf8']) for segment in segments)
    if not text.strip():
        return None  # the line break of a rolling window
    timed = any('tOffsetMs' in segment for segment in segments)
    starts = [
        ((start_ms + _number(segment.get('tOffsetMs', 0))) / 1000, word)
        for segment in segments
        for word in segment['utf8'].split()
    ]
    return Cue(start_sec, end_sec, text, until_next(starts, end_sec) if timed else ())


def _whisper_cue(entry: dict[str, Any]) -> Cue:
    words = entry.get('words') or []
    timed = tuple(
        Word(_number(word['start']), _number(word['end']), _spoken(word).strip())
        for word in words
        if 'start' in word and 'end' in word  # WhisperX leaves them out where it does not know
    )
    whole = len(timed) == len(words)
    return Cue(
        _number(entry['start']), _number(entry['end']), _text(entry['text']), timed if whole else ()
    )


def _spoken(word: dict[str, Any]) -> str:
    return _text(word['word'] if 'word' in word else word['text'])  # whisper-timestamped's


def _whisper_cpp_cue(entry: dict[str, Any]) -> Cue:
    offsets = entry['offsets']
    return Cue(_number(offsets['from']) / 1000, _number(offsets['to']) / 1000, _text(entry['text']))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f'{value!r} is no time')
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f'{value!r} is no text')
    return value
