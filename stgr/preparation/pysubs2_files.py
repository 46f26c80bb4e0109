"""Read SubRip and SubStation Alpha by pysubs2."""

import re
import warnings

from stgr.io.errors import missing_package
from stgr.preparation.cues import Cue, Subtitles

_BLANK_LINES = re.compile(r'\n{3,}')
# What a player never shows as text: overrides and comments between braces, and drawings.
_BRACES = re.compile(r'\{([^{}]*)\}')
_DRAWS = re.compile(r'\\p(\d+)')


def read_with_pysubs2(text: str, kind: str, *, where: str) -> Subtitles:
    """Return the cues of a file; comments of SubStation files are left out.

    Args:
        text: The file's text.
        kind: ``'srt'`` or ``'ass'`` (also for ``.ssa``).
        where: How to call it in an error.

    Raises:
        ImportError: If pysubs2 is not installed.
        ValueError: If pysubs2 cannot read it.
    """
    try:
        import pysubs2
    except ImportError as error:
        raise missing_package("'stgr[prepare]'", purpose=f'reading .{kind} subtitles') from error
    # Runs of empty lines cost pysubs2's patterns the square of their length.
    text = _BLANK_LINES.sub('\n\n', text)
    # Its own removal of tags does so too.
    options = {'keep_html_tags': True} if kind == 'srt' else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # it warns of layers and margins
            file = pysubs2.SSAFile.from_string(text, format_=kind, **options)
    except Exception as error:  # whatever a parser of another package meets in a broken file
        raise ValueError(
            f'{where}: broken .{kind} file: {error or type(error).__name__}'
        ) from error
    shown = _without_braces if kind == 'ass' else str
    cues = (
        Cue(event.start / 1000, event.end / 1000, _lines(shown(event.text)))
        for event in file
        if not event.is_comment
    )
    return Subtitles(tuple(cues))


def _without_braces(text: str) -> str:
    r"""Return a SubStation text without what stands in braces and without drawings.

    A drawing lasts from ``\p1`` (or a finer scale) to ``\p0`` or the end.
    """
    first, *rest = _BRACES.split(text)
    shown, drawing = [first], False
    for inside, behind in zip(rest[::2], rest[1::2], strict=True):
        for scale in _DRAWS.findall(inside):
            drawing = scale.strip('0') != ''
        if not drawing:
            shown.append(behind)
    return ''.join(shown)


def _lines(text: str) -> str:
    """Return a text with the breaks and hard blanks of SubStation written out."""
    return text.replace('\\N', '\n').replace('\\n', '\n').replace('\\h', ' ')
