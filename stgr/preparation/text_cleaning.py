"""Turn the text of a cue into what was said."""

import html
import re

# Bounded, so that a hostile file costs no more than its length.
_MARKUP = re.compile(r'</?[A-Za-z0-9!][^<>]{0,200}>|\{\\[^{}]{0,500}\}')
_SOUNDS = re.compile(r'\[[^\[\]]{0,80}\]|【[^【】]{0,80}】|\*[^*\n]{1,40}\*')
_SOUND_LINE = re.compile(r'\([^()]{0,80}\)|(?:[♪♫♩]|#(?!\d)).*|.*[♪♫♩]')
_CAPITAL_SOUND = re.compile(r'\([^()a-z0-9½¼¾⅓⅔]{2,40}\)')
_SPEAKER = re.compile(
    r'^(?:\s*(?:>{1,3}|[-–—•])\s*)*(?:(?:[A-Z][A-Z.\'’ -]{1,24}|[Ss]peaker ?\d{1,2}) ?\d{0,2}:\s+)?'
)
_INVISIBLE = re.compile('[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]')


def clean_text(text: str) -> str:
    r"""Return a cue's text on one line, without what nobody says.

    Taken out are markup (``<i>``, ``{\an8}``), sounds and songs (``[Music]``, ``(LAUGHS)``, a line
    in parentheses or with notes), marks and names of speakers (``>>``, ``-``, ``ANN:``), entities
    and invisible characters. Words are left as they are, whatever they say.

    Example:
        >>> clean_text('<i>>> ANN: Crack</i> an egg [Music]')
        'Crack an egg'
    """
    text = _INVISIBLE.sub('', html.unescape(_MARKUP.sub('', text)))
    lines = (_clean_line(line) for line in text.split('\n'))
    return ' '.join(' '.join(lines).split())


def _clean_line(line: str) -> str:
    line = line.strip()
    if _SOUND_LINE.fullmatch(line):
        return ''
    line = _CAPITAL_SOUND.sub('', _SOUNDS.sub('', line))
    return _SPEAKER.sub('', line)
