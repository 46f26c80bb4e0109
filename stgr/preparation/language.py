"""Guess the language of a text by its most frequent words: enough to notice the wrong track."""

import re
from collections import Counter
from dataclasses import dataclass

# The commonest short words of each, those kept that few others have.
STOP_WORDS = {
    'en': 'the and to of in is it you that this with for on are now we your have just then into so',
    'de': 'der die das und ist nicht ein eine mit auf wir ich sie den dem auch jetzt dann noch für',
    'fr': 'le les et est une des dans pas vous nous avec pour qui que sur du je ce on plus',
    'es': 'el los y es una con para las por como vamos que muy lo se del ya esto está al',
    'it': 'il e di che è un una per con non gli sono questo della nel poi adesso ci lo anche',
    'pt': 'o os e é uma com para não do da em um você agora isso mais vai ao na as',
    'nl': 'de het een en is van dat niet je ik op te we nu met zijn voor ook er dan',
    'sv': 'och det är att en som på jag inte med vi för den så till har av ett du nu',
    'pl': 'i w nie na się to jest z do że jak ale tak co teraz po są już dla przez',
    'tr': 've bir bu için çok ile da de ne daha var gibi sonra şimdi olarak biraz ben o mi',
}
# Scripts that one language, or nearly, writes in.
SCRIPTS = {
    'ja': re.compile('[\u3040-\u30ff]'),
    'ko': re.compile('[\uac00-\ud7af]'),
    'zh': re.compile('[\u4e00-\u9fff]'),
    'ru': re.compile('[\u0400-\u04ff]'),
    'ar': re.compile('[\u0600-\u06ff]'),
    'hi': re.compile('[\u0900-\u097f]'),
    'el': re.compile('[\u0370-\u03ff]'),
    'th': re.compile('[\u0e00-\u0e7f]'),
}
# Codes of three letters, as players and discs name their tracks, of the languages above.
_LONG_CODES = {
    'eng': 'en', 'deu': 'de', 'ger': 'de', 'fra': 'fr', 'fre': 'fr', 'spa': 'es', 'ita': 'it',
    'por': 'pt', 'nld': 'nl', 'dut': 'nl', 'swe': 'sv', 'pol': 'pl', 'tur': 'tr', 'jpn': 'ja',
    'kor': 'ko', 'zho': 'zh', 'chi': 'zh', 'rus': 'ru', 'ara': 'ar', 'hin': 'hi', 'ell': 'el',
    'gre': 'el', 'tha': 'th',
}  # fmt: skip
_LISTS = {code: frozenset(words.split()) for code, words in STOP_WORDS.items()}
_WORD = re.compile(r'[^\W\d_]+')
MIN_WORDS = 20  # of fewer nobody can tell
MIN_SHARE = 0.1  # of the words must be among the commonest; running text has 0.2 to 0.5
MIN_LEAD = 1.5  # times as many as of the next language
MIN_SCRIPT_SHARE = 0.3
LETTERS_LOOKED_AT = 200_000


@dataclass(frozen=True, slots=True)
class LanguageGuess:
    """What a text is written in.

    Args:
        code: ISO 639-1, such as ``'en'``; None: cannot be told.
        share: Share of its words, or letters of its script, that speak for it.
    """

    code: str | None
    share: float


def language_code(code: str) -> str:
    """Return the code that ``guess_language`` calls a language by.

    Example:
        >>> language_code('EN'), language_code('eng'), language_code('xx')
        ('en', 'en', 'xx')
    """
    return _LONG_CODES.get(code.lower(), code.lower())


def guess_language(text: str) -> LanguageGuess:
    """Return the language of a text, or that it cannot be told: too short, mixed, or unknown.

    Example:
        >>> guess_language('now we crack the egg into the bowl and then we whisk it ' * 2).code
        'en'
    """
    text = text[:LETTERS_LOOKED_AT].lower()
    letters = sum(map(str.isalpha, text))
    for code, script in SCRIPTS.items():
        share = len(script.findall(text)) / max(1, letters)
        if share >= MIN_SCRIPT_SHARE and letters >= MIN_WORDS:
            return LanguageGuess(code, min(1.0, share))
    words = Counter(_WORD.findall(text))
    total = words.total()
    if total < MIN_WORDS:
        return LanguageGuess(None, 0.0)
    shares = {code: sum(words[word] for word in common) / total for code, common in _LISTS.items()}
    best, second = sorted(shares, key=lambda code: -shares[code])[:2]
    sure = shares[best] >= MIN_SHARE and shares[best] >= MIN_LEAD * shares[second]
    return LanguageGuess(best if sure else None, shares[best])
