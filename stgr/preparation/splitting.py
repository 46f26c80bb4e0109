"""Cut cues that are too long for a clip, where a sentence ends if one does."""

import math
from collections.abc import Sequence
from dataclasses import replace

from stgr.preparation.cues import Cue, Word

_ENDS = (('.', '!', '?', '。', '！', '？', '…'), (',', ';', ':', '、', '，'))
_CLOSING = '"\'’”)]»'
# A piece of fewer words says too little to be worth a clip of its own.
MIN_PIECE_WORDS = 2


def split_cue(cue: Cue, *, max_words: int, max_sec: float) -> list[Cue]:
    """Return the pieces of a cue, each with at most so many words and seconds.

    It is halved, and its halves again: at the end of a sentence, else at a comma, else between any
    two words, as near to the middle as possible. Times are those of the words; where they are not
    known, each letter lasts as long. A cue of few words that is shown for long keeps its first
    ``max_sec`` seconds.

    Args:
        cue: A cleaned cue, ``start_sec`` < ``end_sec``.
        max_words: Most words of a piece, >= 1.
        max_sec: Most seconds of a piece, > 0.
    """
    words = cue.words or spread_words(cue)
    fits = len(words) <= max_words
    long = cue.end_sec - cue.start_sec > max_sec
    if fits and (not long or len(words) < 2 * MIN_PIECE_WORDS):
        return [replace(cue, end_sec=min(cue.end_sec, cue.start_sec + max_sec))]
    cut = _cut(words)
    time_sec = min(max(words[cut].start_sec, cue.start_sec), cue.end_sec)
    timed = bool(cue.words)
    halves = (
        _part(cue.start_sec, _end(words[:cut], time_sec, timed=timed), words[:cut], timed=timed),
        _part(time_sec, cue.end_sec, words[cut:], timed=timed),
    )
    if any(half.end_sec <= half.start_sec for half in halves):  # times of words that cannot be
        return split_cue(replace(cue, words=()), max_words=max_words, max_sec=max_sec)
    return [
        piece for half in halves for piece in split_cue(half, max_words=max_words, max_sec=max_sec)
    ]


def spread_words(cue: Cue) -> tuple[Word, ...]:
    """Return the words of a cue with times as if each letter lasted as long."""
    texts = cue.text.split()
    letters = [len(text) + 1 for text in texts]
    per_letter_sec = (cue.end_sec - cue.start_sec) / max(1, sum(letters))
    words, start_sec = [], cue.start_sec
    for text, count in zip(texts, letters, strict=True):
        end_sec = start_sec + count * per_letter_sec
        words.append(Word(start_sec, end_sec, text))
        start_sec = end_sec
    return tuple(words)


def _cut(words: Sequence[Word]) -> int:
    """Return before which word to cut, 1 .. len(words) - 1."""
    middle, edge = len(words) / 2, math.ceil(len(words) / 5)
    inner = range(max(1, edge), min(len(words), len(words) - edge + 1))
    for ends in _ENDS:
        cuts = [i for i in inner if words[i - 1].text.rstrip(_CLOSING).endswith(ends)]
        if cuts:
            return min(cuts, key=lambda i: abs(i - middle))
    return int(middle)


def _end(words: Sequence[Word], next_sec: float, *, timed: bool) -> float:
    """Return when the first half ends: with its last word, a pause after it is nobody's."""
    return min(words[-1].end_sec, next_sec) if timed else next_sec


def _part(start_sec: float, end_sec: float, words: Sequence[Word], *, timed: bool) -> Cue:
    text = ' '.join(word.text for word in words)
    return Cue(start_sec, end_sec, text, tuple(words) if timed else ())
