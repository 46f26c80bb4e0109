"""tools/train.py, tools/test.py and tools/ablate.py: options, one line for a mistake, a status."""

import importlib.util
from pathlib import Path

import pytest

_TOOLS = Path(__file__).resolve().parents[2] / 'tools'


@pytest.fixture(params=['train', 'test'])
def tool(request):
    return request.param, _main(request.param)


def _main(name):
    spec = importlib.util.spec_from_file_location(f'tool_{name}', _TOOLS / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def test_train_then_test_from_the_command_line(toy_config, tmp_path, capsys):
    options = ['--work-dir', str(tmp_path), '--cfg-options']
    assert _main('train')([str(toy_config), *options, 'train_cfg.max_epochs=1']) == 0

    checkpoint = str(tmp_path / 'epoch_1.pth')
    assert (
        _main('test')([str(toy_config), checkpoint, *options, 'test_dataloader.batch_size=4']) == 0
    )
    assert 'clips: 4.0000' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (['--cfg-options', 'model.widht=2'], 'did you mean model.width'),
        (['--cfg-options', 'model.width=wide'], "model.width='wide' is of type str"),
        (['--resume', 'gone.pth'], 'no checkpoint gone.pth'),
        (['--launcher', 'pytorch'], 'start with torchrun'),
    ],
)
def test_mistake_in_training_is_one_line(options, said, toy_config, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv('RANK', raising=False)

    status = _main('train')([str(toy_config), '--work-dir', str(tmp_path), *options])

    error = capsys.readouterr().err.strip().splitlines()
    assert status == 1
    assert error[-1].startswith('error: ')
    assert said in error[-1]


def test_unknown_config_is_one_line(tool, tmp_path, capsys):
    name, main = tool
    arguments = [str(tmp_path / 'nope.py')] + [__file__] * (name == 'test')

    assert main(arguments) == 1
    assert capsys.readouterr().err.startswith(f'error: no config file {tmp_path / "nope.py"}')


def test_unknown_config_of_a_comparison_is_one_line(tmp_path, capsys):
    main = _main('ablate')

    assert main(['ours_tny', '--controls', '--work-dir', str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("error: no model 'ours_tny'; did you mean ours_tiny")


def test_testing_without_a_checkpoint_is_refused(toy_config, tmp_path, capsys):
    assert _main('test')([str(toy_config), '--work-dir', str(tmp_path)]) == 1
    assert 'has something to learn, but no checkpoint was given' in capsys.readouterr().err


def test_an_untrained_model_is_tested_if_asked_for(toy_config, tmp_path, capsys):
    folder = ['--work-dir', str(tmp_path)]

    assert _main('test')([str(toy_config), '--untrained', *folder]) == 0
    assert ': ' in capsys.readouterr().out
    (tmp_path / 'a.pth').write_bytes(b'')
    assert _main('test')([str(toy_config), str(tmp_path / 'a.pth'), '--untrained', *folder]) == 1
    assert 'or untrained, not both' in capsys.readouterr().err


def test_testing_with_a_damaged_checkpoint_names_it(toy_config, tmp_path, capsys):
    (tmp_path / 'bad.pth').write_bytes(b'')

    assert (
        _main('test')([str(toy_config), str(tmp_path / 'bad.pth'), '--work-dir', str(tmp_path)])
        == 1
    )
    assert 'bad.pth (0 bytes) is truncated or damaged' in capsys.readouterr().err
