"""Take the lines out that rolling captions show twice."""

from collections.abc import Sequence

from stgr.preparation.cues import Cue

# YouTube's follow each other at once; beyond this, the same words were said again.
MAX_PAUSE_SEC = 0.5


def drop_rolling_lines(cues: Sequence[Cue]) -> tuple[list[Cue], int]:
    """Return the cues without lines that the cue before showed already, and how many those were.

    Automatic captions of YouTube, as VTT or turned into SRT, show each line twice: at the bottom
    while it is spoken, then above the next one, and between the two a short cue of the line alone.
    A line that begins a cue is taken out if the cue before, at most ``MAX_PAUSE_SEC`` earlier,
    ended with it. Where times of words say that only the lines after it are spoken now, the pause
    does not matter: the window keeps its last line until somebody speaks again. A cue of which
    nothing is left is left out.

    Args:
        cues: In the order of their starts.
    """
    kept: list[Cue] = []
    dropped = 0
    shown: list[str] = []
    shown_until = float('-inf')
    for cue in cues:
        lines = [line.strip() for line in cue.text.split('\n') if line.strip()]
        again = _overlap(shown, lines)
        if cue.start_sec - shown_until > MAX_PAUSE_SEC and not _is_spoken(lines[again:], cue):
            again = 0
        dropped += again
        if not again:
            kept.append(cue)
        elif again < len(lines):
            kept.append(Cue(cue.start_sec, cue.end_sec, '\n'.join(lines[again:]), cue.words))
        shown, shown_until = lines, cue.end_sec
    return kept, dropped


def _is_spoken(lines: list[str], cue: Cue) -> bool:
    """Return whether these lines of a cue are what the times of its words are of."""
    return bool(lines) and ' '.join(lines).split() == [word.text for word in cue.words]


def _overlap(shown: list[str], lines: list[str]) -> int:
    """Return how many lines the second list begins with that the first one ends with."""
    longest = min(len(shown), len(lines))
    return next((n for n in range(longest, 0, -1) if shown[-n:] == lines[:n]), 0)
