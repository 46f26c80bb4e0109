"""Tensors come out of weight files under their own names, and nothing else does."""

import pickle

import pytest
import torch
from safetensors.torch import save_file

from stgr.io.weight_files import read_weights

WEIGHTS = {'fc.weight': torch.arange(4.0), 'fc.bias': torch.ones(1)}
WRAPPED = {f'module.{name}': tensor for name, tensor in WEIGHTS.items()}


@pytest.mark.parametrize(
    'contents',
    [WEIGHTS, WRAPPED, {'epoch': 3, 'state_dict': WRAPPED, 'optimizer': {'lr': 1}}],
    ids=['plain', 'data-parallel', 'checkpoint'],
)
def test_names_are_those_of_the_model(contents, tmp_path):
    torch.save(contents, tmp_path / 'a.pth')

    found = read_weights(tmp_path / 'a.pth')

    assert {name: tensor.tolist() for name, tensor in found.items()} == {
        'fc.weight': [0, 1, 2, 3], 'fc.bias': [1]
    }  # fmt: skip


def test_a_name_with_and_without_the_wrapper_is_refused(tmp_path):
    torch.save(WEIGHTS | {'module.fc.bias': torch.zeros(1)}, tmp_path / 'a.pth')

    with pytest.raises(ValueError, match=r'a\.pth holds fc\.bias with and without "module\."'):
        read_weights(tmp_path / 'a.pth')


def test_safetensors_are_the_same(tmp_path):
    save_file(WEIGHTS, tmp_path / 'a.safetensors')

    assert torch.equal(read_weights(tmp_path / 'a.safetensors')['fc.weight'], WEIGHTS['fc.weight'])


class Runs:
    """Something that runs code when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ('code of the file was run',))


@pytest.mark.parametrize('dump', [torch.save, lambda it, path: path.write_bytes(pickle.dumps(it))])
def test_code_in_a_file_is_not_run(dump, tmp_path):
    dump({'fc.weight': Runs()}, tmp_path / 'a.pth')

    with pytest.raises(ValueError, match=r'a\.pth \(\d+ bytes\) cannot be read safely'):
        read_weights(tmp_path / 'a.pth')


@pytest.mark.parametrize('name', ['a.pth', 'a.safetensors'])
def test_damaged_and_missing_files_are_named(name, tmp_path):
    with pytest.raises(FileNotFoundError, match=f'no weights .*{name}'):
        read_weights(tmp_path / name)
    (tmp_path / name).write_bytes(b'crack an egg')
    with pytest.raises(ValueError, match=rf'{name} \(12 bytes\) .*; it is damaged'):
        read_weights(tmp_path / name)


@pytest.mark.parametrize('contents', [{}, {'epoch': 3}, [torch.ones(1)]])
def test_files_without_named_tensors_are_refused(contents, tmp_path):
    torch.save(contents, tmp_path / 'a.pth')

    with pytest.raises(ValueError, match='holds no tensors by name'):
        read_weights(tmp_path / 'a.pth')
