"""The language of a text, and which videos are learned from."""

import pytest

from stgr.preparation import SplitRule, guess_language, split_videos
from stgr.preparation.splits import moved_videos

SAID = {
    'en': 'now we crack the eggs into the bowl and then you whisk them with a fork so it is smooth '
    'and we pour the milk in',
    'de': 'jetzt schlagen wir die Eier in die Schüssel und dann rühren wir das mit der Gabel bis '
    'es nicht mehr klumpt und geben noch die Milch auf den Teig',
    'fr': 'on va casser les œufs dans le bol et puis on les bat avec une fourchette pour que ce '
    'soit lisse et nous ajoutons du lait sur la pâte',
    'es': 'ahora vamos a romper los huevos en el bol y con un tenedor los batimos para que la masa '
    'no tenga grumos y ya está lo que se necesita',
    'ja': 'まず卵をボウルに割り入れて、フォークでよく混ぜます。それから牛乳を加えます。',
    'ru': 'сейчас мы разобьём яйца в миску и взобьём их вилкой',
}
UNKNOWN = {
    'too short': 'crack the egg',
    'no known words': 'lorem ipsum dolor sit amet consectetur adipiscing elit ' * 4,
    'nothing': '',
    'numbers': '1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22',
}


@pytest.mark.parametrize('code', SAID)
def test_running_text_tells_its_language(code):
    assert guess_language(SAID[code]).code == code


@pytest.mark.parametrize('name', UNKNOWN)
def test_what_cannot_be_told_is_unknown(name):
    assert guess_language(UNKNOWN[name]).code is None


VIDEOS = [f'video_{i}' for i in range(400)]


def test_shares_are_about_those_asked_for():
    splits = split_videos(VIDEOS, SplitRule(0.1, 0.2), {})

    counts = {name: list(splits.values()).count(name) for name in ('train', 'val', 'test')}
    assert sum(counts.values()) == 400
    assert 25 <= counts['val'] <= 55  # 40 on average, deviation 6
    assert 60 <= counts['test'] <= 100  # 80, deviation 8


def test_a_video_stays_where_it_is_when_others_come_and_go():
    few = split_videos(VIDEOS[:200], SplitRule(), {})
    many = split_videos(VIDEOS[::-1], SplitRule(), {})

    assert all(many[video] == split for video, split in few.items())


def test_another_seed_divides_otherwise():
    assert split_videos(VIDEOS, SplitRule(seed=1), {}) != split_videos(VIDEOS, SplitRule(), {})


def test_a_few_videos_have_one_to_validate_and_one_to_test_which_stay():
    rule = SplitRule(0.001, 0.001)
    first = split_videos(VIDEOS[:5], rule, {})
    moved = moved_videos(first, rule)

    later = split_videos(VIDEOS[:50], rule, moved)

    assert sorted(moved.values()) == ['test', 'val']
    assert {video: later[video] for video in moved} == moved
    assert sorted(set(later.values())) == ['test', 'train', 'val']


@pytest.mark.parametrize(('count', 'names'), [(0, set()), (1, {'train'}), (2, {'train'})])
def test_very_few_videos_are_all_learned_from(count, names):
    assert set(split_videos(VIDEOS[:count], SplitRule(1e-9, 1e-9), {}).values()) == names


def test_shares_of_zero_hold_nothing_back():
    assert set(split_videos(VIDEOS, SplitRule(0, 0), {}).values()) == {'train'}


@pytest.mark.parametrize('shares', [(-0.1, 0.1), (0.5, 0.5), (float('nan'), 0.1)])
def test_shares_that_leave_nothing_are_refused(shares):
    with pytest.raises(ValueError, match='leave some to learn from'):
        SplitRule(*shares)
