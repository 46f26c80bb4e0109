"""What the manual says about the code is so: symbols, versions, links, shapes, contents."""

import importlib
import re
import tomllib

import numpy as np
import pytest
import torch
from doc_pages import PAGES, ROOT, name_of

from stgr.structures import HeatMaps, Span, Tube
from stgr.structures.features import AudioFeatures, TextFeatures, VideoFeatures
from stgr.structures.frame_selection import FrameSelection

DOCS = ROOT / 'docs'
API = sorted((DOCS / 'api').glob('*.md'))


def read(name):
    return (DOCS / name).read_text(encoding='utf-8')


SYMBOLS = sorted(set(re.findall(r'`(stgr(?:\.\w+)+)(?::([\w.]+))?`', read('paper_to_code.md'))))


@pytest.mark.parametrize(('module', 'symbol'), SYMBOLS)
def test_symbol_of_the_paper_exists(module, symbol):
    found = importlib.import_module(module)
    for name in filter(None, symbol.split('.')):
        found = getattr(found, name)


def test_paper_table_is_long_enough_to_mean_something():
    assert len(SYMBOLS) > 50


@pytest.mark.parametrize('page', [*PAGES, *API, ROOT / 'model_zoo.md'], ids=name_of)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding='utf-8')
    for target in re.findall(r'\]\(([^)\s]+)\)', text):
        if not re.match(r'https?:|mailto:|#', target):
            path = page.parent / target.partition('#')[0]
            assert path.exists(), f'{name_of(page)} links to {target}'


TO_BE_MADE = {'configs/released.py'}


@pytest.mark.parametrize('page', PAGES, ids=name_of)
def test_named_files_exist(page):
    """``tests/...`` and ``stgr/...`` in code marks are evidence: it has to be there."""
    for name in re.findall(
        r'`((?:tests|stgr|configs|benchmarks|tools)/[\w./]+)`', page.read_text()
    ):
        there = ROOT / name
        assert name in TO_BE_MADE or there.exists() or there.with_suffix('.py').exists(), name


def test_every_page_is_in_the_table_of_contents():
    entries = {
        line.strip()
        for tree in re.findall(r'^```\{toctree\}\n(.*?)^```', read('index.md'), re.M | re.S)
        for line in tree.splitlines()
        if line.strip() and not line.startswith(':')
    }
    named = {path for entry in entries for path in DOCS.glob(f'{entry}.md')}

    assert named >= {*DOCS.glob('*.md'), *API} - {DOCS / 'index.md'}


# Packages whose parts are named elsewhere, or are no door for others.
INNER = r'stgr(\.apis(?!\.evaluation$).*|\.visualization.*|\.io\..*|\.models\.layers|.*\.compat|)'


def test_every_public_package_is_in_the_reference():
    """A package is public if it says what it exports; docs/api names it with automodule."""
    told = '\n'.join(page.read_text() for page in API)
    files = [file for file in (ROOT / 'stgr').rglob('__init__.py') if '__all__' in file.read_text()]
    names = {'.'.join(file.parent.relative_to(ROOT).parts) for file in files}
    public = {name for name in names if not re.fullmatch(INNER, name)}

    assert len(public) > 15
    assert not [name for name in sorted(public) if f'automodule:: {name}\n' not in told]


VERSIONS = {
    '`schema_version` 1': ('stgr.io.results', 'SCHEMA_VERSION'),
    'report of `stgr evaluate --json` | `schema_version` 1': (
        'stgr.apis.evaluation.evaluate',
        'SCHEMA_VERSION',
    ),
    '`format_version` 1': ('stgr.io.feature_provenance', 'FORMAT_VERSION'),
    '`shard_version` 1': ('stgr.io.feature_shards', 'SHARD_VERSION'),
    '`index_version` 1': ('stgr.io.feature_index', 'INDEX_VERSION'),
    '`stgr-annotation-work/1`': ('stgr.annotation.work', 'WORK_FORMAT'),
    '`stgr-clicks/1`': ('stgr.annotation.answers', 'CLICKS_FORMAT'),
    'index of a library (`index.json`), `stgr search --json` | `schema_version` 1': (
        'stgr.search.manifest',
        'SCHEMA_VERSION',
    ),
    '`*.calibration.json` | `version` 1': ('stgr.calibration.files', 'VERSION'),
    '`stgr-answers/1`': ('stgr.io.formats.own_json', 'FORMAT'),
    '`stgr-model/1`': ('stgr.apis.pretrained', 'FORMAT'),
    '`stgr-onnx/1`': ('stgr.io.onnx_folder', 'FORMAT'),
    '`settings.json` of TinyKitchen | `version` 1': (
        'stgr.datasets.tiny_kitchen.writer',
        'VERSION',
    ),
}


@pytest.mark.parametrize('told', VERSIONS)
def test_versions_are_those_of_the_code(told):
    module, name = VERSIONS[told]
    value = str(getattr(importlib.import_module(module), name))

    assert told in read('versions.md')
    assert told.strip('`').split()[-1].split('/')[-1] == value.split('/')[-1]


def test_package_versions_are_those_that_were_tested():
    pins = {}
    for name in ('oldest', 'tested'):
        lines = (ROOT / 'requirements' / f'{name}.txt').read_text().lower().splitlines()
        pins[name] = dict(line.split('==') for line in lines if '==' in line)
    table = re.findall(
        r'^\| ([\w-]+)(?: \(PyAV\))? \| ([\d.]+)[^|]* \| ([\d.]+) \|', read('platforms.md'), re.M
    )

    assert len(table) == 8
    for package, oldest, newest in table:
        assert pins['oldest'][package] == oldest, package
        assert pins['tested'][package] == newest, package


def test_python_versions_are_those_that_are_allowed():
    project = tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']

    assert project['requires-python'] == '>=3.11,<3.14'
    assert '| 3.11 | 3.12 and 3.13, which' in read('platforms.md')


# One record of each kind with the page's letters as sizes that differ.
SIZES = {'B': 2, 'U': 5, 'T': 3, 'L': 4, 'N': 6, 'P': 12, 'C': 7, 'h': 3, 'w': 4, '4': 4, '2': 2}


def zeros(shape):
    return torch.zeros([SIZES[letter] for letter in shape])


def ascending(times):
    """Return 0, 1, 2, ... along the first axis, in the shape given."""
    steps = np.arange(float(len(times)))
    return np.broadcast_to(steps.reshape(-1, *[1] * (times.ndim - 1)), times.shape)


def make(record, **fields):
    """Build a record from shapes as letters."""
    mask = fields.get('mask')
    tensors = {name: zeros(shape) for name, shape in fields.items()}
    if mask:
        tensors['mask'] = zeros(mask).bool()
    if record is VideoFeatures:
        return VideoFeatures(**tensors, grid=(3, 4))
    if record is FrameSelection:
        return FrameSelection(tensors['indices'].long(), tensors['mask'], tensors['weights'])
    if record is HeatMaps:
        return HeatMaps(ascending(tensors['times_sec']), tensors['values'].numpy(), 'sum')
    if record is Tube:
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        arrays['times_sec'] = ascending(arrays['times_sec'])
        arrays['visible'] = arrays['visible'].astype(bool)
        return Tube(Span(0, 99, 1), **arrays)
    return record(**tensors)


RECORDS = (VideoFeatures, TextFeatures, AudioFeatures, FrameSelection, HeatMaps, Tube)


def told_shapes():
    """Return the page's table of records: name -> field -> letters of its shape."""
    shapes = {}
    record = None
    for line in read('shapes_and_units.md').splitlines():
        found = re.match(r'\| (?:`(\w+)`)? ?\| `(\w+)` \| `\(([\w, ]+)\)`', line)
        if found:
            record = found.group(1) or record
            if found.group(2) != 'grid':
                letters = found.group(3).replace(' ', '').strip(',').split(',')
                shapes.setdefault(record, {})[found.group(2)] = letters
    return shapes


@pytest.mark.parametrize('record', RECORDS)
def test_record_takes_the_shapes_of_the_page_and_no_others(record):
    shapes = told_shapes()[record.__name__]
    make(record, **shapes)

    for name, letters in shapes.items():
        with pytest.raises(ValueError, match=r'must|expected|need'):
            make(record, **(shapes | {name: [*letters, '2']}))


def test_no_page_has_a_name_that_sphinx_keeps_for_itself():
    """It would write its own page there: docs/search.md was lost so."""
    assert not {page.stem for page in DOCS.glob('*.md')} & {'search', 'genindex', 'py-modindex'}
