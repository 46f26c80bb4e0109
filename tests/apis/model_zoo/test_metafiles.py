"""Metafiles are read strictly: what is missing, misspelt or without spread is named."""

import pytest

from stgr.apis.model_zoo import find_zoo_model, read_zoo
from stgr.apis.model_zoo.entry import Score


def _set(*path):
    """Return a change of a zoo: the last argument becomes the value at the path before it."""
    *keys, last, value = path

    def change(zoo):
        for key in keys:
            zoo = zoo[key]
        if value is None:
            del zoo[last]
        else:
            zoo[last] = value

    return change


_EGG, _TABLE = ('models', 'egg'), ('tables', 'kitchen')
_FILE = (*_EGG, 'weights', 'files', 0)
_CONVERT = {'source': 'convert', 'command': 'python convert.py', 'original': 'their page'}
REFUSED = {
    'no licence': (_set(*_EGG, 'licence', None), r'models\.egg: licence is missing'),
    'empty licence': (_set(*_EGG, 'licence', ' '), r'models\.egg: licence is empty'),
    'no limits': (_set(*_EGG, 'limits', []), 'limits is empty; every model has some'),
    'misspelt': (_set(*_EGG, 'license', 'x'), "'license' is unknown; the fields are config"),
    'licence that YAML reads as a flag': (_set(*_EGG, 'licence', False), r'licence must be a str'),
    'other name': (_set(*_EGG, 'config', 'egg.yml'), 'no config .*egg.yml'),
    'short digest': (_set(*_FILE, 'sha256', 'abc'), "64 digits of 0-9a-f, but got 'abc'"),
    'no bytes': (_set(*_FILE, 'bytes', 0), r'files\[0\]: bytes must be at least 1'),
    'way out': (_set(*_FILE, 'path', '../egg.pth'), 'must lie below the folder of weights'),
    'absolute': (_set(*_FILE, 'path', '/egg.pth'), 'must lie below the folder of weights'),
    'plain http': (_set(*_FILE, 'url', 'http://example.org'), 'url must begin with https://'),
    'no url': (_set(*_FILE, 'url', None), "'download' need the url of every file"),
    'no files': (_set(*_EGG, 'weights', {'source': 'bundled'}), 'need files with their sha256'),
    'no command': (_set(*_EGG, 'weights', {'source': 'train'}), 'need the command'),
    'source': (_set(*_EGG, 'weights', {'source': 'post'}), "must be one of bundled, .* 'post'"),
    'found by --model': (
        _set(*_FILE, 'path', 'yolk.pth'),
        'first file must be egg.safetensors',
    ),
    'not marked': (_set(*_EGG, 'weights', _CONVERT), 'set third_party: true'),
    'no golden test': (_set(*_EGG, 'third_party', True), 'need golden_tests'),
    'no spread': (
        _set(*_EGG, 'scores', 'kitchen', 'where', 78.3),
        'egg: where has no spread over the 3 seeds',
    ),
    'no number': (
        _set(*_EGG, 'scores', 'kitchen', 'where', '78 +- 1'),
        r'scores\.kitchen\.where: expected "71\.5 ± 0\.1"',
    ),
    'outside its interval': (
        _set(*_EGG, 'scores', 'kitchen', 'when', '-0.5 [-2.0, -1.0]'),
        'lies outside its interval',
    ),
    'unknown column': (
        _set(*_EGG, 'scores', 'kitchen', 'why', '1 ± 0'),
        'egg has why; the columns are where, when',
    ),
    'unknown table': (
        _set(*_EGG, 'scores', {'cellar': {}}),
        "no table 'cellar'; there are kit",
    ),
    'row without numbers': (_set(*_EGG, 'scores', None), 'table kitchen: no numbers of egg'),
    'row not listed': (_set(*_TABLE, 'rows', ['chance']), 'egg is not among rows'),
    'no seed': (_set(*_TABLE, 'seeds', 0), 'seeds must be at least 1'),
    'no protocol': (_set(*_TABLE, 'protocol', None), 'protocol is missing'),
    'no command of numbers': (_set(*_TABLE, 'command', None), 'command is missing'),
    'unknown part': (_set('modells', {}), "'modells' is unknown; the fields are models, tables"),
}


@pytest.mark.parametrize('kind', REFUSED)
def test_a_fault_is_named_with_its_place(kind, small_zoo):
    change, message = REFUSED[kind]

    with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
        read_zoo(small_zoo(change))

    if kind != 'row without numbers':  # of the whole zoo
        assert 'metafile.yml' in str(caught.value)


def test_a_key_given_twice_is_refused(small_zoo):
    file = small_zoo() / 'metafile.yml'
    file.write_text(file.read_text('utf-8') + 'models: {}\n', encoding='utf-8')

    with pytest.raises(ValueError, match=r"metafile\.yml: broken YAML: 'models' is given twice"):
        read_zoo(file.parent)


def test_a_number_without_seeds_needs_no_spread(small_zoo):
    def change(zoo):
        zoo['models']['egg']['scores']['kitchen'] = {'where': 78.3}
        zoo['tables']['kitchen']['seedless'] = ['egg']

    zoo = read_zoo(small_zoo(change))

    assert zoo.models['egg'].scores['kitchen']['where'] == Score('78.3')


def test_rows_stand_in_the_tables_order(small_zoo):
    zoo = read_zoo(small_zoo(_set(*_TABLE, 'rows', ['chance', 'egg'])))

    assert list(zoo.rows('kitchen')) == ['chance', 'egg']
    assert zoo.rows('kitchen')['egg']['when'].value == -1.5


def test_unknown_model_lists_the_near_ones(small_zoo):
    with pytest.raises(ValueError, match=r"describes a model 'eg'; did you mean egg\?"):
        find_zoo_model(read_zoo(small_zoo()), 'eg')
