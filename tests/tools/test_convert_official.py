"""The command that converts released weights: what it prints, where, and its exit status."""

import importlib.util
from pathlib import Path

import pytest
import torch

from stgr.apis.official_weights.grounding_weights import official_names_of
from stgr.apis.official_weights.milnce_s3d import s3d_shapes
from stgr.apis.official_weights.tensor_files import sha256_of

_TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'model_zoo' / 'convert_official.py'


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('convert_official', _TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def heads_file(tiny_model, tmp_path):
    """The released heads at the size of the tiny model."""
    from stgr.apis.build import build_grounder

    grounder, _ = build_grounder(tiny_model[0], weights=tiny_model[1], device='cpu')
    weights = grounder.state_dict()
    names = official_names_of(grounder)
    state = {f'module.{theirs}': weights[ours] for ours, theirs in names.items()}
    torch.save({'state_dict': state, 'epoch': 9}, tmp_path / 'heads.pth.tar')
    return tmp_path / 'heads.pth.tar'


def test_heads_are_converted_and_the_checksum_is_printed(
    tool, heads_file, tiny_model, tiny_clip_dir, tmp_path, capsys
):
    out = tmp_path / 'new' / 'ours.safetensors'
    command = ['heads', heads_file, out, '--clip', tiny_clip_dir, '--config', tiny_model[0]]

    status = tool.main([str(part) for part in command])

    said = capsys.readouterr()
    assert (status, said.err) == (0, '')
    assert said.out.splitlines()[-1].startswith(f'{out}: 19 tensors')
    assert sha256_of(out) in said.out
    assert [file.name for file in out.parent.iterdir()] == [out.name]


def test_random_tensors_are_said_on_standard_error(
    tool, heads_file, tiny_model, tiny_clip_dir, tmp_path, capsys
):
    command = ['heads', heads_file, tmp_path / 'a.safetensors', '--clip', tiny_clip_dir]
    command += ['--config', tiny_model[0], '--like-released-loader', 7]

    assert tool.main([str(part) for part in command]) == 0
    assert 'WARNING: NOT the released model' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('kind', 'options', 'error'),
    [
        ('heads', ['--clip', 'CLIP'], r'is not the heads of ours_clip_release'),
        ('clip', ['--tokenizer', 'CLIP'], "no CLIP under OpenAI's names"),
        ('s3d', [], "is not MIL-NCE's S3D"),
    ],
)
def test_file_of_another_kind_is_one_line_and_status_1(
    kind, options, error, tool, tiny_clip_dir, tmp_path, capsys
):
    torch.save({'state_dict': {'w': torch.ones(1)}}, tmp_path / 'other.pth')
    options = [str(tiny_clip_dir) if option == 'CLIP' else option for option in options]

    out = tmp_path / 'out.safetensors'
    status = tool.main([kind, str(tmp_path / 'other.pth'), str(out), *options])

    said = capsys.readouterr()
    assert status == 1
    assert said.out == ''
    assert said.err.count('\n') == 1
    assert error in said.err
    assert [file.name for file in tmp_path.iterdir()] == ['other.pth']


def test_s3d_is_converted(tool, tmp_path, capsys):
    state = {name: torch.zeros(()).expand(shape) for name, shape in s3d_shapes(2).items()}
    torch.save(state, tmp_path / 's3d.pth')

    assert tool.main(['s3d', str(tmp_path / 's3d.pth'), str(tmp_path / 'out')]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
