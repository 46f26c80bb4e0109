"""No data is ever run, and no archive is unpacked: what the source may call, by its syntax tree."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(
    file
    for folder in ('stgr', 'tools', 'benchmarks', 'configs')
    for file in (ROOT / folder).rglob('*.py')
)
FORBIDDEN_MODULES = {'dill', 'cloudpickle', 'joblib', 'marshal', 'shelve'}
FORBIDDEN_CALLS = {
    'eval', 'exec', 'pickle.load', 'pickle.loads', 'pickle.Unpickler', '_pickle.loads',
    'mmengine.load', 'fileio.load', 'pandas.read_pickle', 'pd.read_pickle',
}  # fmt: skip
FORBIDDEN_NAMES = {
    'extractall',
    'unpack_archive',
    'yaml.load',
    'yaml.unsafe_load',
    'yaml.full_load',
}
RESTRICTED = Path('stgr/io/restricted_pickle.py')  # derives its own reader from Unpickler


def faults(source: str, *, restricted: bool = False) -> list[str]:
    """Return what a source calls that may run what it reads or write where a name points."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module]
            found += [f'import {name}' for name in names if name in FORBIDDEN_MODULES]
        elif isinstance(node, ast.ClassDef) and not restricted:
            found += [f'class of {b}' for b in map(ast.unparse, node.bases) if 'Unpickler' in b]
        elif isinstance(node, ast.Call):
            found += _call_faults(ast.unparse(node.func), node)
    return found


def _call_faults(name, node):
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    last = name.rpartition('.')[2]
    if name in FORBIDDEN_CALLS:
        return [name]
    if {name, last} & FORBIDDEN_NAMES or (last == 'extract' and 'archive' in name):
        return [name]
    if name == 'torch.load' and given.get('weights_only') != 'True':
        return ['torch.load without weights_only=True']
    if given.get('allow_pickle', 'False') != 'False':
        return [f'{name} with allow_pickle']
    if last == 'from_pretrained' and given.get('trust_remote_code', 'False') != 'False':
        return [f'{name} with trust_remote_code']
    return []


def test_no_source_runs_what_it_reads_or_unpacks_an_archive():
    assert len(SOURCES) > 400
    found = {}
    for file in SOURCES:
        place = file.relative_to(ROOT)
        found[str(place)] = faults(file.read_text(encoding='utf-8'), restricted=place == RESTRICTED)

    assert {place: calls for place, calls in found.items() if calls} == {}


@pytest.mark.parametrize(
    'source',
    [
        'import pickle\npickle.load(f)',
        'import pickle\nclass Mine(pickle.Unpickler): pass',
        'torch.load(f)',
        'torch.load(f, weights_only=False)',
        'np.load(f, allow_pickle=True)',
        'np.lib.format.read_array(f, allow_pickle=1)',
        'import joblib',
        'from dill import loads',
        'yaml.load(f)',
        'archive.extractall(folder)',
        'archive.extract(member)',
        'AutoModel.from_pretrained(name, trust_remote_code=True)',
        'eval(text)',
    ],
)
def test_the_check_finds_each_way(source):
    assert faults(source)
