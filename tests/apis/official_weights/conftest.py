"""Files as the authors release them, in small."""

import importlib.util
from pathlib import Path

import pytest
import torch


@pytest.fixture(scope='session')
def oracle():
    """Return the module of OpenAI's CLIP in plain operations (tests cannot import each other)."""
    path = Path(__file__).with_name('openai_clip_oracle.py')
    spec = importlib.util.spec_from_file_location('openai_clip_oracle', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def release(tmp_path):
    """Write tensors as the released training script does, and return the file."""

    def write(tensors, name='released.pth.tar', **more):
        layer = torch.nn.Linear(2, 2)
        layer(torch.ones(2)).sum().backward()
        optimizer = torch.optim.AdamW(layer.parameters(), lr=1e-4)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))
        optimizer.step()
        scheduler.step()
        checkpoint = {
            'epoch': 9,
            'state_dict': {f'module.{name}': tensor for name, tensor in tensors.items()},
            'optimizer': optimizer.state_dict(),
            'scheduler': scheduler.state_dict(),
        }
        torch.save(checkpoint | more, tmp_path / name)
        return tmp_path / name

    return write
