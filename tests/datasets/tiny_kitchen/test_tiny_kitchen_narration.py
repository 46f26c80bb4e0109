import numpy as np
import pytest

from stgr.datasets.tiny_kitchen import narration
from stgr.datasets.tiny_kitchen.narration import caption_shot, narrate, small_talk
from stgr.datasets.tiny_kitchen.vocabulary import NOUNS, SEEN_STEPS, VERBS, Step, gerund

MANY = 3000


def told():
    """Return many narrations of many steps, each with a generator of its own."""
    steps = [SEEN_STEPS[i % len(SEEN_STEPS)] for i in range(MANY)]
    return [(step, narrate(np.random.default_rng(i), step).split()) for i, step in enumerate(steps)]


def synonym_share(stories, own_words, other_words):
    uses = [
        bool(other_words(step) & set(words))
        for step, words in stories
        if (own_words(step) | other_words(step)) & set(words)
    ]
    assert len(uses) > MANY / 2
    return np.mean(uses)


def test_a_quarter_of_the_narrations_use_a_synonym_of_the_verb():
    share = synonym_share(
        told(),
        lambda step: {step.verb.name, gerund(step.verb.name)},
        lambda step: {form for s in step.verb.synonyms for form in (s, gerund(s))},
    )

    assert share == pytest.approx(narration.SYNONYM_SHARE, abs=0.03)


def test_an_eighth_of_the_narrations_use_a_synonym_of_the_noun():
    share = synonym_share(told(), lambda step: {step.noun}, lambda step: {*NOUNS[step.noun]})

    assert share == pytest.approx(narration.SYNONYM_SHARE / 2, abs=0.02)


def test_half_of_the_narrations_have_a_filler(monkeypatch):
    share, with_fillers = narration.FILLER_SHARE, told()
    monkeypatch.setattr(narration, 'FILLER_SHARE', 0)
    without = told()

    longer = [len(a) > len(b) for (_, a), (_, b) in zip(with_fillers, without, strict=True)]
    assert np.mean(longer) == pytest.approx(share, abs=0.03)


def test_one_word_in_twelve_is_lost(monkeypatch):
    monkeypatch.setattr(narration, 'FILLER_SHARE', 0)
    share, lossy = narration.DROP_SHARE, told()
    monkeypatch.setattr(narration, 'DROP_SHARE', 0)
    whole = told()

    kept = sum(len(words) for _, words in lossy) / sum(len(words) for _, words in whole)
    assert 1 - kept == pytest.approx(share, abs=0.01)


def test_a_narration_is_never_empty(monkeypatch):
    monkeypatch.setattr(narration, 'DROP_SHARE', 1.0)

    assert all(words for _, words in told()[:50])


def test_a_third_of_the_small_talk_speaks_of_a_step_that_is_not_there():
    rng = np.random.default_rng(0)
    talk = [small_talk(rng) for _ in range(MANY)]

    verbs = {verb.name for verb in VERBS}
    share = np.mean([bool(verbs & set(text.split())) for text in talk])
    assert share == pytest.approx(0.3, abs=0.03)


def test_narrations_share_no_phrase_with_the_clean_captions():
    rng = np.random.default_rng(0)
    steps = [SEEN_STEPS[i % len(SEEN_STEPS)] for i in range(1000)]
    captions = {caption_shot(rng, step, 'action', []) for step in steps}
    with_fillers = {narrate(rng, step) for step in steps}

    assert not captions & with_fillers


@pytest.mark.parametrize(
    ('kind', 'bystanders', 'allowed'),
    [
        ('talk', [], {'a person talks to the camera'}),
        ('table', [], {'an almost empty table'}),
        ('pan', [], {'a table'}),
        ('pan', ['egg'], {'a table with an egg'}),
        ('table', ['knife'], {'an almost empty table with a knife'}),
    ],
)
def test_background_captions_say_what_is_seen(kind, bystanders, allowed):
    rng = np.random.default_rng(0)

    assert {caption_shot(rng, None, kind, bystanders) for _ in range(20)} == allowed


def test_captions_name_nothing_that_is_not_in_the_picture():
    rng = np.random.default_rng(0)
    step = Step(VERBS[0], 'lemon')
    around = ['egg', 'whisk', 'fish']

    words = {w for _ in range(300) for w in caption_shot(rng, step, 'action', around).split()}
    named = words & {*NOUNS, *(verb.tool for verb in VERBS)}
    assert named == {'lemon', 'spoon', *around}
