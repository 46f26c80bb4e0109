"""The words of the world: verbs, tools, nouns, and which verb-noun pairs are kept for testing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Verb:
    """Something done with a tool in a characteristic motion.

    Args:
        name: Base form, used in step names and queries.
        tool: The tool that touches the object.
        motion: Path of the tool: ``'vertical'``, ``'horizontal'``, ``'circle'`` or ``'rock'``.
        synonyms: Other base forms that narrators use.
    """

    name: str
    tool: str
    motion: str
    synonyms: tuple[str, ...]


VERBS = (
    # Two pairs share a tool and differ only by motion: no single frame tells them apart.
    Verb('crack', 'spoon', 'vertical', ('break', 'tap')),
    Verb('stir', 'spoon', 'circle', ('mix', 'turn')),
    Verb('chop', 'knife', 'vertical', ('dice', 'hack')),
    Verb('slice', 'knife', 'horizontal', ('cut', 'saw')),
    Verb('whisk', 'whisk', 'circle', ('beat', 'whip')),
    Verb('grate', 'grater', 'vertical', ('shred', 'rasp')),
    Verb('peel', 'peeler', 'horizontal', ('skin', 'strip')),
    Verb('mash', 'masher', 'vertical', ('crush', 'press')),
    Verb('brush', 'brush', 'horizontal', ('baste', 'coat')),
    Verb('flatten', 'roller', 'rock', ('roll', 'squash')),
)

NOUNS = {
    'egg': ('huevo',),
    'tomato': ('tomatillo',),
    'onion': ('shallot',),
    'carrot': ('root',),
    'potato': ('spud',),
    'bread': ('loaf',),
    'cheese': ('cheddar',),
    'fish': ('trout',),
    'apple': ('fruit',),
    'mushroom': ('champignon',),
    'pepper': ('paprika',),
    'lemon': ('citrus',),
}

TOOLS = tuple(dict.fromkeys(verb.tool for verb in VERBS))
MOTION_ONLY = tuple(
    verb.name for verb in VERBS if sum(other.tool == verb.tool for other in VERBS) > 1
)


@dataclass(frozen=True)
class Step:
    """One kind of action: a verb done to a noun."""

    verb: Verb
    noun: str

    @property
    def name(self) -> str:
        """The step name of the annotations, such as ``'crack egg'``."""
        return f'{self.verb.name} {self.noun}'


STEPS = tuple(Step(verb, noun) for verb in VERBS for noun in NOUNS)
# Every verb and every noun loses at least one partner: two diagonals of the 10 x 12 table.
HELD_OUT_STEPS = tuple(
    Step(verb, noun)
    for i, verb in enumerate(VERBS)
    for j, noun in enumerate(NOUNS)
    if (j - i) % 12 in (3, 8)
)
SEEN_STEPS = tuple(step for step in STEPS if step not in HELD_OUT_STEPS)


def class_groups() -> dict[str, object]:
    """Return the groups of steps to report apart, as ``read_class_groups`` reads them."""
    groups = {
        'static': [step.name for step in STEPS if step.verb.name not in MOTION_ONLY],
        'motion-only': [step.name for step in STEPS if step.verb.name in MOTION_ONLY],
        'seen': [step.name for step in SEEN_STEPS],
        'held-out': [step.name for step in HELD_OUT_STEPS],
    }
    alike: dict[tuple[str, str], list[str]] = {}
    for step in STEPS:
        alike.setdefault((step.verb.tool, step.noun), []).append(step.name)
    return {'groups': groups, 'alike': [names for names in alike.values() if len(names) > 1]}


def article(noun: str) -> str:
    """Return ``noun`` with its indefinite article."""
    return f'{"an" if noun[0] in "aeiou" else "a"} {noun}'


def gerund(verb: str) -> str:
    """Return the -ing form of a verb of this vocabulary."""
    if verb.endswith('e'):
        return f'{verb[:-1]}ing'
    doubled = verb in {'stir', 'chop', 'cut', 'strip', 'whip', 'tap', 'skin'}
    return f'{verb}{verb[-1] if doubled else ""}ing'


def third_person(verb: str) -> str:
    """Return the third person singular of a verb of this vocabulary."""
    return f'{verb}es' if verb.endswith(('s', 'sh', 'x')) else f'{verb}s'
