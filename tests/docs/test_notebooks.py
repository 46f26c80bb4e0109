"""Notebooks run from top to bottom, as plain Python, and are kept without what they printed."""

import json

import pytest
from doc_pages import ROOT

NOTEBOOKS = sorted((ROOT / 'notebooks').glob('*.ipynb'))
NEEDS = {'train_on_own_videos': 'stgr.apis.own_training'}
names = pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)


def cells_of(path):
    document = json.loads(path.read_text(encoding='utf-8'))
    assert document['nbformat'] == 4
    return document['cells']


@names
def test_notebook_holds_no_output_and_no_shell(path):
    cells = cells_of(path)

    assert cells[0]['cell_type'] == 'markdown'
    assert len({cell['id'] for cell in cells}) == len(cells)
    for cell in cells:
        if cell['cell_type'] == 'code':
            assert cell['outputs'] == []
            assert cell['execution_count'] is None
            compile(''.join(cell['source']), path.name, 'exec')  # "!ls" and "%time" are no Python
        else:
            assert 'outputs' not in cell


@pytest.mark.slow
@pytest.mark.timeout(900)
@names
def test_notebook_runs(path, tmp_path, monkeypatch):
    if path.stem in NEEDS:
        pytest.importorskip(NEEDS[path.stem])
    monkeypatch.chdir(tmp_path)
    names = {'__name__': '__main__'}
    for number, cell in enumerate(cells_of(path)):
        if cell['cell_type'] == 'code':
            exec(compile(''.join(cell['source']), f'{path.name}, cell {number}', 'exec'), names)


def test_there_are_notebooks():
    assert {path.stem for path in NOTEBOOKS} >= {
        'quick_start',
        'own_actions',
        'train_on_own_videos',
    }
