"""The trained tokenizer follows CLIP's conventions and can spell any text."""

import pytest
from transformers import CLIPTokenizer

from stgr.models.backbones.tiny_tokenizer import train_clip_tokenizer

CORPUS = ['crack an egg', 'crack two eggs', 'whisk the eggs', 'an egg in the pan']


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('tokenizer')


@pytest.fixture(scope='module')
def size(folder):
    return train_clip_tokenizer(CORPUS, folder, vocab_size=540)


@pytest.fixture
def tokenizer(folder, size):
    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)


def test_size_is_that_of_the_tokenizer_and_within_its_bound(tokenizer, size):
    assert size == len(tokenizer) <= 540


def test_end_mark_has_the_largest_id(tokenizer, size):
    ids = tokenizer('crack an egg')['input_ids']

    assert (ids[0], ids[-1]) == (size - 2, size - 1)
    assert max(ids[:-1]) < size - 1


def test_frequent_words_are_one_token_and_case_does_not_matter(tokenizer):
    assert len(tokenizer('EGG')['input_ids']) == 3
    assert tokenizer('Crack an EGG')['input_ids'] == tokenizer('crack an egg')['input_ids']


def test_any_text_can_be_spelt(tokenizer):
    ids = tokenizer('zebra crème 🥚')['input_ids'][1:-1]

    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids).split() == ['zebra', 'crème', '🥚']
