"""The zoo itself: configs build, bundled files are those of the metafiles, commands are there."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from stgr.apis.evaluation import PROTOCOLS
from stgr.apis.model_hub import configs_dir, list_models, load_config
from stgr.apis.model_zoo import read_zoo
from stgr.apis.model_zoo.weight_places import check_files
from stgr.io.bundled import WEIGHTS_DIR, bundled_path
from stgr.registry import MODELS

_REPOSITORY = Path(__file__).resolve().parents[3]
ZOO = read_zoo()
COMMANDS = {
    *(table.command for table in ZOO.tables.values()),
    *(model.weights.command for model in ZOO.models.values()),
    *(model.cost.command for model in ZOO.models.values() if model.cost),
} - {''}


def _script(name):
    spec = importlib.util.spec_from_file_location(
        name, _REPOSITORY / 'tools' / 'model_zoo' / f'{name}.py'
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_page_is_what_the_metafiles_say():
    assert _script('make_page')._page() == (_REPOSITORY / 'model_zoo.md').read_bytes()


def test_a_page_that_is_out_of_date_is_one_line_with_the_command(tmp_path, monkeypatch, capfd):
    make_page = _script('make_page')
    monkeypatch.setattr(make_page, '_PAGE', tmp_path / 'page.md')
    (tmp_path / 'page.md').write_text('old')

    assert make_page.main(['--check']) == 1
    assert 'run: python tools/model_zoo/make_page.py' in capfd.readouterr().err
    assert make_page.main([]) == 0
    assert make_page.main(['--check']) == 0


def test_the_template_states_no_score_of_its_own():
    template = (_REPOSITORY / 'tools' / 'model_zoo' / 'page.md').read_text('utf-8')

    assert not re.search(r'\d ?[%±]', template)


def test_every_config_at_the_top_has_an_entry():
    names = {entry.name for entry in list_models() if '/' not in entry.name}

    assert names <= set(ZOO.models)


def test_docs_of_the_ablations_state_the_same_numbers():
    text = (_REPOSITORY / 'docs' / 'ablations.md').read_text('utf-8')
    rows = [[cell.strip() for cell in line.strip('|').split('|')] for line in text.splitlines()]
    names = ('tiny_kitchen', 'tiny_kitchen_finetune')
    ours = {label: row for name in names for label, row in ZOO.rows(name).items()}
    stated = [row for row in rows if len(row) == 6 and row[0] in ours]

    assert len(stated) > 10
    for label, *cells in stated:
        assert [cell for cell in cells if cell] == [score.text for score in ours[label].values()]


@pytest.mark.parametrize('name', ZOO.models)
def test_model_is_built_from_its_config(name, tiny_clip_dir, tiny_s3d):
    config = load_config(name)
    assert Path(config.filename) == ZOO.models[name].config
    backbone = config.model.get('backbone')
    if backbone is None:
        config.model.tokenizer = str(bundled_path('stgr://clip_tiny'))
    elif 'dictionary' in backbone:
        backbone.update(tiny_s3d)
        config.model.global_head.update(dim=8, weights=tiny_s3d['weights'])
    elif 'text_source' in backbone:
        pytest.importorskip('timm')
        backbone.update(text_source=str(tiny_clip_dir), checkpoint=None, frozen={'vision': False})
        backbone.model_args = {'img_size': 64, 'embed_dim': 48, 'depth': 1, 'num_heads': 2}
    elif 'prompts' in config.model:
        backbone.source = 'stgr://clip_tiny'
        backbone.update(layer_weights=(0, 1), separate_layers=1)
        config.model.prompts.update(templates=('{}',), verb_templates=('{}',), null_prompts=('a',))
    elif not backbone.source.startswith('stgr://'):
        backbone.source = str(tiny_clip_dir)
        config.model.global_head.dim = config.model.local_head.dim = 32

    assert MODELS.build(config.model) is not None


@pytest.mark.parametrize('name', [n for n, m in ZOO.models.items() if m.weights.files])
def test_bundled_files_are_those_of_the_metafile(name):
    model = ZOO.models[name]
    if model.weights.source != 'bundled':
        pytest.skip('not bundled')

    assert [file.detail for file in check_files(model)] == [''] * len(model.weights.files)
    sizes = [(WEIGHTS_DIR / file.path).stat().st_size for file in model.weights.files]
    assert sizes == [file.num_bytes for file in model.weights.files]


def test_every_bundled_file_belongs_to_a_model():
    there = {f.relative_to(WEIGHTS_DIR).as_posix() for f in WEIGHTS_DIR.rglob('*') if f.is_file()}

    assert there == {file.path for model in ZOO.models.values() for file in model.weights.files}


@pytest.mark.parametrize('name', ZOO.tables)
def test_protocol_exists(name):
    protocol = ZOO.tables[name].protocol

    assert protocol in PROTOCOLS or (_REPOSITORY / protocol).is_file()


@pytest.mark.parametrize('command', sorted(COMMANDS))
def test_commands_name_files_and_models_that_are_there(command):
    known = {entry.name for entry in list_models()}
    for line in command.replace('\\\n', ' ').splitlines():
        program, *words = shlex.split(line)
        assert program in ('python', 'stgr') or (_REPOSITORY / program).is_file()
        ours = [word for word in words if word.startswith(('tools/', 'configs/', 'benchmarks/'))]
        assert all((_REPOSITORY / word).is_file() for word in ours), line
        if program == 'stgr' and words[0] == 'extract':
            assert words[1] in known or words[1] in ours


@pytest.mark.parametrize('name', [n for n, m in ZOO.models.items() if m.golden_tests])
def test_golden_tests_of_third_parties_are_there(name):
    for test in ZOO.models[name].golden_tests:
        assert (_REPOSITORY / test).is_file()


def test_metafiles_lie_beside_their_configs():
    assert {model.config.parent for model in ZOO.models.values()} == {
        file.parent for file in configs_dir().rglob('metafile.yml')
    }
