"""A query becomes the sentences that its templates and the user's file make of it."""

import json

import pytest

from stgr.models.prompts import PromptBank, PromptEntry, read_prompt_file


def test_first_word_is_the_verb_and_the_rest_the_object():
    prompts = PromptBank()('crack an egg')

    assert prompts.action == ('A photo of a person crack an egg.',)
    assert prompts.verb == ('A photo of a person crack something.',)
    assert prompts.object == ('A photo of a person using an egg.',)


def test_query_of_one_word_has_no_object():
    prompts = PromptBank(templates=('{}', 'a {}'))(' stir ')

    assert (prompts.action, prompts.object) == (('stir', 'a stir'), ())
    assert prompts.verb == ('A photo of a person stir something.',)


def test_json_adds_descriptions_and_corrects_verb_and_object(tmp_path):
    file = tmp_path / 'prompts.json'
    told = {'descriptions': ['An egg breaks.'], 'verb': 'breaking', 'object': 'the shell'}
    file.write_text(json.dumps({'crack it': told, 'stir': ['A spoon turns.'], 'go': 'It goes.'}))
    bank = PromptBank(templates=('{}',), verb_templates=('{} it',), file=file)

    crack = bank('crack it')
    assert crack.action == ('crack it', 'An egg breaks.')
    assert crack.verb == ('breaking it',)
    assert crack.object == ('A photo of a person using the shell.',)
    assert bank('stir').action == ('stir', 'A spoon turns.')
    assert bank('go').action == ('go', 'It goes.')
    assert bank('pour milk').action == ('pour milk',)


def test_lines_of_a_text_file_are_gathered_by_query(tmp_path):
    file = tmp_path / 'prompts.txt'
    file.write_text('\ufeffcrack: An egg breaks.\n\nstir: A spoon: it turns.\ncrack: A shell.\n')

    assert read_prompt_file(file) == {
        'crack': PromptEntry(('An egg breaks.', 'A shell.')),
        'stir': PromptEntry(('A spoon: it turns.',)),
    }


def test_an_empty_object_in_the_file_means_there_is_none(tmp_path):
    file = tmp_path / 'prompts.json'
    file.write_text(json.dumps({'wave at me': {'object': ''}}))

    assert PromptBank(file=file)('wave at me').object == ()


@pytest.mark.parametrize(
    ('name', 'content', 'told'),
    [
        ('a.txt', 'crack an egg', 'line 1: expected "query: sentence"'),
        ('a.txt', 'x: y\n: z', 'line 2'),
        ('a.txt', '\n', 'describes no query'),
        ('a.json', '{', 'is no JSON'),
        ('a.json', '[1]', 'must hold an object'),
        ('a.json', '{"x": 3}', "'x': expected a sentence"),
        ('a.json', '{"x": {"verbs": "y"}}', "'x': expected a sentence"),
        ('a.json', '{"x": [""]}', 'descriptions must be'),
        ('a.json', '{"x": {"verb": 3}}', 'verb must be a text'),
    ],
)
def test_files_of_another_form_are_refused(tmp_path, name, content, told):
    file = tmp_path / name
    file.write_text(content)

    with pytest.raises(ValueError, match=told):
        read_prompt_file(file)


def test_missing_and_unreadable_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no prompt file .*nowhere'):
        PromptBank(file=tmp_path / 'nowhere.json')
    (tmp_path / 'latin.txt').write_bytes(b'x: \xe9\xff')
    with pytest.raises(ValueError, match='no UTF-8'):
        read_prompt_file(tmp_path / 'latin.txt')


@pytest.mark.parametrize('templates', [(), ('no place',), ('{} and {}',), ('{name}',)])
def test_templates_need_one_place(templates):
    with pytest.raises(ValueError, match='template'):
        PromptBank(templates=templates)
