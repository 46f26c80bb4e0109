"""Names that a file uses and the truth does not know: all of them, with near ones."""

import difflib
from collections.abc import Collection, Sequence

SHOWN = 10


def unknown_names(what: str, unknown: Sequence[str], known: Collection[str]) -> str:
    """Return a sentence that lists unknown names, each with what it may have meant.

    Args:
        what: Plural noun, such as 'videos'.
        unknown: The names.
        known: The names that exist.
    """
    shown = []
    for name in unknown[:SHOWN]:
        near = difflib.get_close_matches(name, known, n=2)
        hint = f' (did you mean {" or ".join(map(repr, near))}?)' if near else ''
        shown.append(f'{name!r}{hint}')
    more = f' and {len(unknown) - SHOWN} more' if len(unknown) > SHOWN else ''
    return f'{len(unknown)} {what} are not in the ground truth: {", ".join(shown)}{more}'
