"""Words to rows and rows to features, worked by hand."""

import numpy as np
import pytest
import torch

from stgr.models.backbones.word_tower import WordDictionary, WordTower, read_dictionary

WORDS = ['crack', 'the', 'egg', "don't", 'pan_2']


@pytest.mark.parametrize(
    ('sentence', 'rows'),
    [
        ('crack the egg', [1, 2, 3, 0]),
        ('Crack, THE egg!', [1, 2, 3, 0]),  # lower-cased, without punctuation
        ('crack an egg', [1, 3, 0, 0]),  # unknown words leave no gap
        ("don't crack pan_2", [4, 1, 5, 0]),  # apostrophes and underscores are letters
        ('egg egg egg egg crack', [3, 3, 3, 3]),  # later words are cut
        ('pan 2', [0, 0, 0, 0]),
        ('', [0, 0, 0, 0]),
    ],
)
def test_sentence_to_rows(sentence, rows):
    found, mask = WordDictionary(WORDS, max_words=4).tokenize([sentence])

    assert found.tolist() == [rows]
    assert mask.tolist() == [[row > 0 for row in rows]]


def test_last_position_of_a_double_word_counts():
    assert WordDictionary(['egg', 'pan', 'egg']).known('egg') == [3]


def test_dictionaries_of_both_kinds_are_the_same(tmp_path):
    np.save(tmp_path / 'dict.npy', np.array(WORDS))
    (tmp_path / 'dict.txt').write_text('\n'.join(WORDS) + '\n', encoding='utf-8')
    (tmp_path / 'crlf.txt').write_bytes(b'\xef\xbb\xbf' + '\r\n'.join(WORDS).encode())

    for name in ('dict.npy', 'dict.txt', 'crlf.txt'):
        assert read_dictionary(tmp_path / name) == WORDS


def test_dictionary_of_objects_is_refused_unread(tmp_path):
    np.save(tmp_path / 'dict.npy', np.array(WORDS, dtype=object), allow_pickle=True)

    with pytest.raises(ValueError, match=r'allow_pickle=False.* words into a text file'):
        read_dictionary(tmp_path / 'dict.npy')


@pytest.mark.parametrize(
    ('array', 'message'),
    [
        (np.arange(3), r'array of strings \(N,\), but is int64 \(3,\)'),
        (np.array([WORDS]), r'but is <U5 \(1, 5\)'),
        (np.array([], dtype=str), 'holds no words'),
    ],
)
def test_arrays_without_words_are_refused(array, message, tmp_path):
    np.save(tmp_path / 'dict.npy', array)

    with pytest.raises(ValueError, match=message):
        read_dictionary(tmp_path / 'dict.npy')


def test_files_without_words_are_refused(tmp_path):
    (tmp_path / 'empty.txt').write_text('')
    (tmp_path / 'noise.txt').write_bytes(b'\xff\xfe\xfa')

    with pytest.raises(ValueError, match='holds no words'):
        read_dictionary(tmp_path / 'empty.txt')
    with pytest.raises(ValueError, match='no UTF-8 text; give one word per line'):
        read_dictionary(tmp_path / 'noise.txt')
    with pytest.raises(FileNotFoundError, match=r'dict\.npy, or one word per line'):
        read_dictionary(tmp_path / 'missing.npy')


def test_sentence_is_the_maximum_over_words_and_padding_by_hand():
    tower = WordTower(3, dim=2, word_dim=2)
    tower.word_embd.weight.data = torch.tensor([[0.0, 9.0], [1.0, 2.0], [-3.0, 4.0]])
    tower.fc1.weight.data = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    tower.fc1.bias.data = torch.tensor([0.5, 0.0])

    sentence, words = tower(torch.tensor([[1, 2], [2, 0]]))

    # Rows after layer and ReLU: 0 -> (0.5, 9), 1 -> (1.5, 3), 2 -> (0, 1).
    assert words.tolist() == [[[1.5, 3], [0, 1]], [[0, 1], [0.5, 9]]]
    assert sentence.tolist() == [[1.5, 3], [0.5, 9]]
