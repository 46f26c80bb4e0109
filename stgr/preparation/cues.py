"""What a subtitle file or a recogniser says: cues, and where it tells the times of words."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word.

    Args:
        start_sec: When it begins.
        end_sec: When it ends; files that only tell starts end it with the next word.
        text: The word with its punctuation, without blanks around it.
    """

    start_sec: float
    end_sec: float
    text: str


def until_next(starts: Sequence[tuple[float, str]], end_sec: float) -> tuple[Word, ...]:
    """Return words of which only the starts are known: each lasts until the next begins.

    Args:
        starts: When each word begins, and the word.
        end_sec: When the last one ends.
    """
    ends = [*(start_sec for start_sec, _ in starts[1:]), end_sec]
    pairs = zip(starts, ends, strict=False)  # without words there is still an end
    return tuple(Word(start, max(start, end), word) for (start, word), end in pairs)


@dataclass(frozen=True, slots=True)
class Cue:
    """One entry of a subtitle file, as it stands there: it may be empty or end before it begins.

    Args:
        start_sec: When it is shown first.
        end_sec: When it is shown last.
        text: Its lines.
        words: Times of its words, empty where they are not known.
    """

    start_sec: float
    end_sec: float
    text: str
    words: tuple[Word, ...] = ()


@dataclass(frozen=True)
class Subtitles:
    """What was read from one file.

    Args:
        cues: In the order of the file.
        skipped: How many entries could not be read, by reason.
        notes: What a person should know about the file, such as a guessed encoding.
    """

    cues: tuple[Cue, ...]
    skipped: Counter[str] = field(default_factory=Counter)
    notes: tuple[str, ...] = ()
