"""From the cues of a file to captions to learn from, with a count of everything left out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from stgr.io.captions import Caption
from stgr.preparation.cues import Cue, Word
from stgr.preparation.rolling import drop_rolling_lines
from stgr.preparation.splitting import split_cue
from stgr.preparation.text_cleaning import clean_text

# Beyond this pause somebody says the same words again.
MAX_PAUSE_SEC = 2.0


@dataclass(frozen=True, slots=True)
class CaptionLimits:
    """What a caption may be.

    Args:
        min_words: Those with fewer words are left out.
        max_words: Those with more are split; backbones read 20 words of a sentence.
        min_sec: Those shorter are left out: a flicker nobody reads.
        max_sec: Those longer are split, 16 s as the window of a training clip.

    Raises:
        ValueError: If a limit is not positive or a lowest one is above the highest.
    """

    min_words: int = 2
    max_words: int = 20
    min_sec: float = 0.2
    max_sec: float = 16.0

    def __post_init__(self) -> None:
        if not 1 <= self.min_words <= self.max_words:
            raise ValueError(
                f'captions need 1 <= min_words <= max_words, but got {self.min_words} and '
                f'{self.max_words}'
            )
        if not 0 <= self.min_sec < self.max_sec:
            raise ValueError(
                f'captions need 0 <= min_sec < max_sec, but got {self.min_sec:g} and '
                f'{self.max_sec:g}'
            )


def clean_cues(
    cues: Sequence[Cue], duration_sec: float, limits: CaptionLimits
) -> tuple[list[Caption], Counter[str]]:
    """Return the captions of a video, ascending, and how many cues went which way.

    In order: cues that end before they begin or begin past the end of the video are left out, the
    others end with the video; repeated lines of rolling captions are taken out; texts are cleaned;
    a cue that says what the one before says, at most ``MAX_PAUSE_SEC`` later, continues it; of two
    that overlap the first ends where the second begins; long ones are split; short ones are left
    out.

    Args:
        cues: In any order.
        duration_sec: Length of the video.
        limits: See ``CaptionLimits``.
    """
    counts: Counter[str] = Counter()
    cues = sorted(_in_video(cues, duration_sec, counts), key=lambda cue: cue.start_sec)
    cues, counts['rolling lines taken out'] = drop_rolling_lines(cues)
    cues = _join_repeated(_cleaned(cues, counts), counts)
    cues = _apart(cues, counts)
    captions = []
    for cue in cues:
        pieces = split_cue(cue, max_words=limits.max_words, max_sec=limits.max_sec)
        counts['long ones split'] += len(pieces) > 1
        for piece in pieces:
            if len(piece.text.split()) < limits.min_words:
                counts['too few words'] += 1
            elif piece.end_sec - piece.start_sec < limits.min_sec:
                counts['too short'] += 1
            else:
                times_sec = (round(piece.start_sec, 3), round(piece.end_sec, 3))
                captions.append(Caption(*times_sec, piece.text))
    return captions, +counts


def _in_video(cues: Sequence[Cue], duration_sec: float, counts: Counter[str]) -> list[Cue]:
    found = []
    for cue in cues:
        if cue.end_sec <= cue.start_sec or cue.end_sec <= 0:
            counts['ends before it begins'] += 1
        elif cue.start_sec >= duration_sec:
            counts['past the end of the video'] += 1
        else:
            counts['cut at the end of the video'] += cue.end_sec > duration_sec
            start_sec, end_sec = max(0.0, cue.start_sec), min(cue.end_sec, duration_sec)
            found.append(replace(cue, start_sec=start_sec, end_sec=end_sec))
    return found


def _cleaned(cues: Sequence[Cue], counts: Counter[str]) -> list[Cue]:
    found = []
    for cue in cues:
        text = clean_text(cue.text)
        if text:
            found.append(Cue(cue.start_sec, cue.end_sec, text, _words_of(text, cue)))
        else:
            counts['nothing said'] += 1
    return found


def _words_of(text: str, cue: Cue) -> tuple[Word, ...]:
    """Return the timed words that a cleaned text is made of, none if they do not match it.

    Words follow each other and lie in their cue, whatever the file says.
    """
    if not cue.words:
        return ()
    timed = iter(cue.words)
    found, earliest_sec = [], cue.start_sec
    for token in text.split():
        word = next((word for word in timed if word.text == token), None)
        if word is None:
            return ()
        start_sec = min(max(word.start_sec, earliest_sec), cue.end_sec)
        end_sec = min(max(word.end_sec, start_sec), cue.end_sec)
        found.append(Word(start_sec, end_sec, token))
        earliest_sec = start_sec
    return tuple(found)


def _join_repeated(cues: Sequence[Cue], counts: Counter[str]) -> list[Cue]:
    """Join cues that say the same one after the other, and those that are shown at once."""
    joined: list[Cue] = []
    for cue in cues:
        last = joined[-1] if joined else None
        if last is not None and last.text == cue.text and _follows(cue, last):
            joined[-1] = replace(last, end_sec=max(last.end_sec, cue.end_sec), words=())
            counts['repeated'] += 1
        elif last is not None and last.start_sec == cue.start_sec:
            end_sec = max(last.end_sec, cue.end_sec)
            joined[-1] = Cue(last.start_sec, end_sec, f'{last.text} {cue.text}')
            counts['shown at once, joined'] += 1
        else:
            joined.append(cue)
    return joined


def _follows(cue: Cue, last: Cue) -> bool:
    return cue.start_sec - last.end_sec <= MAX_PAUSE_SEC


def _apart(cues: Sequence[Cue], counts: Counter[str]) -> list[Cue]:
    """End each cue where the next begins."""
    found = []
    for cue, following in pairwise([*cues, None]):
        assert cue is not None, 'only the last is None'
        if following is not None and cue.end_sec > following.start_sec:
            counts['overlapping, cut'] += 1
            cue = replace(cue, end_sec=following.start_sec)
        found.append(cue)
    return found
