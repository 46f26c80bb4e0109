import itertools

import pytest

from stgr.datasets.tiny_kitchen.sprites import sprite
from stgr.datasets.tiny_kitchen.vocabulary import (
    HELD_OUT_STEPS,
    MOTION_ONLY,
    NOUNS,
    SEEN_STEPS,
    STEPS,
    TOOLS,
    VERBS,
    article,
    gerund,
    third_person,
)

BY_NAME = {verb.name: verb for verb in VERBS}


def test_there_are_ten_verbs_and_twelve_nouns_with_a_sprite_each():
    assert (len(VERBS), len(NOUNS), len(STEPS)) == (10, 12, 120)
    for name in (*NOUNS, *TOOLS):
        assert sprite(name).alpha.max() == 1


def test_a_sixth_of_the_steps_is_held_out_from_every_verb_and_noun():
    assert len(HELD_OUT_STEPS) == 20
    assert {step.verb for step in HELD_OUT_STEPS} == set(VERBS)
    assert not set(HELD_OUT_STEPS) & set(SEEN_STEPS)
    assert {step.noun for step in SEEN_STEPS} == set(NOUNS)  # each word itself is trained on


@pytest.mark.parametrize('pair', [('crack', 'stir'), ('chop', 'slice')])
def test_verbs_told_apart_by_motion_alone_share_their_tool(pair):
    one, other = (BY_NAME[name] for name in pair)

    assert one.tool == other.tool
    assert one.motion != other.motion
    assert set(pair) <= set(MOTION_ONLY)


def test_all_other_verbs_have_a_tool_of_their_own():
    others = [verb for verb in VERBS if verb.name not in MOTION_ONLY]

    assert len(MOTION_ONLY) == 4
    assert len({verb.tool for verb in others}) == len(others) == 6


def test_no_word_means_two_things():
    words = [(verb.name, *verb.synonyms) for verb in VERBS]
    words += [(noun, *synonyms) for noun, synonyms in NOUNS.items()]

    assert len(set(itertools.chain(*words))) == sum(map(len, words))


@pytest.mark.parametrize(
    ('verb', 'ing', 'third'),
    [
        ('stir', 'stirring', 'stirs'),
        ('slice', 'slicing', 'slices'),
        ('mash', 'mashing', 'mashes'),
        ('mix', 'mixing', 'mixes'),
        ('whip', 'whipping', 'whips'),
        ('press', 'pressing', 'presses'),
        ('turn', 'turning', 'turns'),
    ],
)
def test_verbs_are_inflected_as_in_english(verb, ing, third):
    assert (gerund(verb), third_person(verb)) == (ing, third)


def test_articles_follow_the_first_letter():
    assert [article(noun) for noun in ('egg', 'onion', 'knife')] == [
        'an egg',
        'an onion',
        'a knife',
    ]
