"""Bytes to text, as subtitle files come: UTF-8, UTF-16, or what Windows wrote."""

import codecs

# The longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, 'utf-8-sig'),
    (codecs.BOM_UTF32_LE, 'utf-32'),
    (codecs.BOM_UTF32_BE, 'utf-32'),
    (codecs.BOM_UTF16_LE, 'utf-16'),
    (codecs.BOM_UTF16_BE, 'utf-16'),
)
FALLBACK = 'cp1252'


def decode_text(content: bytes, *, where: str) -> tuple[str, str | None]:
    r"""Return a file's text with ``\n`` line ends, and a note if its encoding had to be guessed.

    Args:
        content: The bytes. A byte order mark decides; without one it is UTF-8 or, where that does
            not fit, Windows-1252.
        where: How to call the file in an error.

    Raises:
        ValueError: If it is no text in any of them.
    """
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    note = None
    try:
        text = content.decode(marked or 'utf-8')
    except UnicodeDecodeError as error:
        if marked is not None:
            raise ValueError(f'{where}: begins as {marked} text, but is not: {error}') from error
        text, note = _windows_text(content, where), 'no UTF-8, read as Windows-1252'
    if '\0' in text:
        raise ValueError(
            f'{where}: holds zero bytes, so it is no subtitle text, or UTF-16 '
            'without a byte order mark; save it as UTF-8'
        )
    return text.replace('\r\n', '\n').replace('\r', '\n'), note


def _windows_text(content: bytes, where: str) -> str:
    try:
        return content.decode(FALLBACK)
    except UnicodeDecodeError as error:
        raise ValueError(
            f'{where}: neither UTF-8 nor Windows-1252 text; save it as UTF-8'
        ) from error
