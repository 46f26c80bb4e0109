"""The head starts as the last layers of the released file."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from stgr.models.heads import MILNCEGlobalHead


def test_projections_are_the_released_layers(tiny_s3d):
    head = MILNCEGlobalHead(128, 24, 8, weights=tiny_s3d['weights'])
    released = load_file(tiny_s3d['weights'])
    frames, sentences = torch.randn(3, 128), torch.randn(2, 24)

    video = frames @ released['fc.weight'].T + released['fc.bias']
    text = sentences @ released['text_module.fc2.weight'].T + released['text_module.fc2.bias']

    torch.testing.assert_close(head.project_video(frames), video)
    torch.testing.assert_close(head.project_text(sentences), text)
    assert all(parameter.requires_grad for parameter in head.parameters())


def test_files_without_such_layers_are_refused(tiny_s3d, tmp_path):
    released = load_file(tiny_s3d['weights'])
    del released['fc.bias']
    save_file(released, tmp_path / 'a.safetensors')

    with pytest.raises(ValueError, match=r'size: fc\.bias missing instead of \(8,\)$'):
        MILNCEGlobalHead(128, 24, 8, weights=tmp_path / 'a.safetensors')
    with pytest.raises(ValueError, match=r'fc\.weight \(8, 128\) instead of \(8, 100\)$'):
        MILNCEGlobalHead(100, 24, 8, weights=tiny_s3d['weights'])
