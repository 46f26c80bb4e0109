"""What to say when an annotation names something that is not there."""

import difflib
from collections.abc import Iterable

NAMES_SHOWN = 3


def near_names(name: str, known: Iterable[str]) -> str:
    """Return the end of an error about an unknown name: the nearest known ones, or some of them.

    >>> near_names('crak egg', ['crack egg', 'stir pan'])
    'did you mean crack egg?'
    >>> near_names('zzz', ['b', 'a', 'd', 'c'])
    'there are 4: a, b, c, ...'
    """
    names = sorted(set(known))
    near = difflib.get_close_matches(name, names, n=NAMES_SHOWN)
    if near:
        return f'did you mean {" or ".join(near)}?'
    shown = ', '.join(names[:NAMES_SHOWN]) + (', ...' if names[NAMES_SHOWN:] else '')
    return f'there are {len(names)}: {shown}'
