"""What is said: clean captions that describe the picture, and narrations as people speak them.

The two share the vocabulary but not the phrases, and only narrators use synonyms, fillers, drop
words, speak too early or too late, or of something that is not there.
"""

import numpy as np

from stgr.datasets.tiny_kitchen.vocabulary import (
    NOUNS,
    SEEN_STEPS,
    Step,
    article,
    gerund,
    third_person,
)

_ACTION_CAPTIONS = (
    '{verb} {noun}',
    '{verb} {a_noun}',
    '{verb} the {noun} with {a_tool}',
    '{gerund} {a_noun}',
    '{gerund} the {noun} with {a_tool}',
    'someone {third} {a_noun}',
    '{a_tool} {third} the {noun}',
)
_CLOSE_UPS = ('{thing}', '{thing} from near', 'a picture of {thing}', 'the {bare} on a table')
_NARRATIONS = (
    'now we {verb} the {noun}',
    'go ahead and {verb} your {noun}',
    'so i am {gerund} the {noun} right here',
    'next you want to {verb} {a_noun}',
    'i like to {verb} the {noun} gently',
    'and then just {verb} that {noun}',
    'we will be {gerund} this {noun} for a while',
    'the {noun} is ready so {verb} it',
)
_FILLERS = ('okay', 'alright', 'um', 'you know', 'so', 'well', 'uh')
_SMALL_TALK = (
    'do not forget to subscribe to my channel',
    'my grandmother taught me this years ago',
    'it smells so good in here already',
    'thank you all for watching today',
    'this is my favourite time of the year',
    'let me know in the comments what you think',
    'the kids are going to love it',
    'we moved into this kitchen last summer',
)
_LATER = ('later you could {verb} {a_noun} too', 'last week i tried to {verb} {a_noun}')

SYNONYM_SHARE = 0.25
FILLER_SHARE = 0.5
DROP_SHARE = 0.08


def caption_shot(
    rng: np.random.Generator, step: Step | None, kind: str, bystanders: list[str]
) -> str:
    """Return a true caption of a shot; half of them also name things that lie around.

    Args:
        rng: Source of all choices.
        step: What is done, None in a background shot.
        kind: Kind of the shot, as for ``random_shot``.
        bystanders: Names of the things that take no part.
    """
    around = [str(name) for name in rng.permutation(bystanders)[: rng.integers(1, 4)]]
    listed = ' and '.join(article(name) for name in around)
    if step is not None:
        caption = _fill(_pick(rng, _ACTION_CAPTIONS), step.verb.name, step.noun, step.verb.tool)
        return f'{caption} next to {listed}' if listed and rng.random() < 0.5 else caption
    if kind == 'talk':
        caption = 'a person talks to the camera'
        return f'{caption} behind {listed}' if listed and rng.random() < 0.5 else caption
    caption = 'an almost empty table' if kind == 'table' else 'a table'
    return f'{caption} with {listed}' if listed else caption


def caption_thing(rng: np.random.Generator, name: str) -> str:
    """Return a caption of a close-up."""
    return _pick(rng, _CLOSE_UPS).format(thing=article(name), bare=name)


def narrate(rng: np.random.Generator, step: Step) -> str:
    """Return how a narrator speaks of a step: a phrase with synonyms, fillers and lost words."""
    verb, noun = step.verb.name, step.noun
    if rng.random() < SYNONYM_SHARE:
        verb = _pick(rng, step.verb.synonyms)
    if rng.random() < SYNONYM_SHARE / 2:
        noun = _pick(rng, NOUNS[step.noun])
    words = _fill(_pick(rng, _NARRATIONS), verb, noun, step.verb.tool).split()
    words = [word for word in words if rng.random() >= DROP_SHARE] or words
    if rng.random() < FILLER_SHARE:
        words.insert(int(rng.integers(len(words) + 1)), _pick(rng, _FILLERS))
    return ' '.join(words)


def small_talk(rng: np.random.Generator) -> str:
    """Return something said that nothing in the video shows, now and then about another step."""
    if rng.random() < 0.3:
        step = SEEN_STEPS[rng.integers(len(SEEN_STEPS))]
        return _fill(_pick(rng, _LATER), step.verb.name, step.noun, step.verb.tool)
    return _pick(rng, _SMALL_TALK)


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[rng.integers(len(options))]


def _fill(template: str, verb: str, noun: str, tool: str) -> str:
    return template.format(
        verb=verb,
        gerund=gerund(verb),
        third=third_person(verb),
        noun=noun,
        a_noun=article(noun),
        a_tool=article(tool),
    )
