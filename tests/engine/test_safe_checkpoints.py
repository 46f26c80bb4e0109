"""Checkpoints are read whole or refused, and nothing in them is run."""

import os
import pickle

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from safetensors.torch import save_file

from stgr.engine import read_checkpoint
from stgr.engine.safe_checkpoints import _history_method


class _Attack:
    """Unpickling calls ``function(*arguments)``."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ('attack', 'reason'),
    [
        (_Attack(os.system, 'true'), 'a shell command'),
        (_Attack(getattr, 'text', 'join'), 'an attribute of an object'),
        (_Attack(getattr, HistoryBuffer, '__init__'), 'a method that is not a statistic'),
        (_Attack(getattr, dict, 'fromkeys'), 'a method of a builtin'),
    ],
)
def test_checkpoint_that_runs_code_is_refused(attack, reason, tmp_path):
    torch.save({'state_dict': {}, 'payload': attack}, tmp_path / 'evil.pth')

    with pytest.raises(ValueError, match=r'evil\.pth is not a checkpoint that can be read safely'):
        read_checkpoint(tmp_path / 'evil.pth')


def test_refusal_says_why_and_gives_no_advice_to_switch_the_protection_off(tmp_path):
    torch.save({'state_dict': {}, 'payload': _Attack(os.system, 'true')}, tmp_path / 'evil.pth')
    (tmp_path / 'text.pth').write_text('{"no": "weights"}')

    with pytest.raises(ValueError, match=r'safely \([^)]*GLOBAL [^)]*system[^)]*\); ') as evil:
        read_checkpoint(tmp_path / 'evil.pth')
    with pytest.raises(ValueError, match=r'safely \(Unsupported operand 123\); ') as text:
        read_checkpoint(tmp_path / 'text.pth')
    assert not any('weights_only' in str(error.value) for error in (evil, text))


def test_stand_in_for_getattr_gives_the_four_statistics_and_nothing_else():
    assert _history_method(HistoryBuffer, 'mean') is HistoryBuffer.mean
    with pytest.raises(pickle.UnpicklingError):
        _history_method(HistoryBuffer, 'update')


def test_what_mmengine_writes_comes_back(tmp_path):
    buffer = HistoryBuffer()
    buffer.update(2.5)
    hub = {'log_scalars': {'loss': buffer}, 'best': np.float32(0.5), 'count': np.int64(3)}
    torch.save({'state_dict': {'w': torch.ones(2)}, 'message_hub': hub}, tmp_path / 'a.pth')

    read = read_checkpoint(tmp_path / 'a.pth')

    assert read['message_hub']['log_scalars']['loss'].mean() == 2.5
    assert read['message_hub']['best'] == 0.5
    assert read['state_dict']['w'].tolist() == [1.0, 1.0]


def test_environment_cannot_switch_the_protection_off(tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    torch.save({'payload': _Attack(os.system, 'true')}, tmp_path / 'evil.pth')

    with pytest.raises((ValueError, RuntimeError)):
        read_checkpoint(tmp_path / 'evil.pth')


def test_allowed_names_are_forgotten_after_reading(tmp_path):
    before = set(map(str, torch.serialization.get_safe_globals()))
    torch.save({'w': torch.ones(1)}, tmp_path / 'a.pth')
    read_checkpoint(tmp_path / 'a.pth')

    assert set(map(str, torch.serialization.get_safe_globals())) == before


def test_bare_weights_and_safetensors_read_alike(tmp_path):
    weights = {'w': torch.arange(3.0)}
    torch.save(weights, tmp_path / 'a.pth')
    save_file(weights, tmp_path / 'a.safetensors')

    for name in ('a.pth', 'a.safetensors'):
        assert read_checkpoint(tmp_path / name)['state_dict']['w'].tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ('name', 'size', 'reason'),
    [
        ('a.pth', 0, 'an empty file'),
        ('a.pth', 700, 'the archive directory at the end is cut off'),
        ('a.safetensors', 100, 'the tensors are cut off'),
        ('a.safetensors', 0, 'an empty file'),
    ],
)
def test_truncated_checkpoint_is_named(name, size, reason, tmp_path):
    weights = {'w': torch.zeros(1000)}
    torch.save(weights, tmp_path / 'a.pth')
    save_file(weights, tmp_path / 'a.safetensors')
    file = tmp_path / name
    file.write_bytes(file.read_bytes()[:size])

    with pytest.raises(ValueError, match=rf'{name} \({size} bytes\) is truncated or damaged'):
        read_checkpoint(file)


def test_text_file_is_not_a_checkpoint(tmp_path):
    (tmp_path / 'notes.pth').write_text('hello, this is no checkpoint')

    with pytest.raises(ValueError, match=r'notes\.pth'):
        read_checkpoint(tmp_path / 'notes.pth')


def test_missing_file_and_list_of_tensors_are_errors(tmp_path):
    torch.save([torch.ones(1)], tmp_path / 'list.pth')

    with pytest.raises(FileNotFoundError, match=r'gone\.pth'):
        read_checkpoint(tmp_path / 'gone.pth')
    with pytest.raises(ValueError, match='holds a list'):
        read_checkpoint(tmp_path / 'list.pth')
