"""DAVEnet has the tensors of the released checkpoints, their lengths, and masks that hold."""

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from stgr.models.backbones import DAVEnet

SMALL = (4, 4, 6, 8, 10)


def norm(name, channels):
    """The tensors of a batch normalisation."""
    kinds = ('weight', 'bias', 'running_mean', 'running_var')
    return {f'{name}.{kind}': (channels,) for kind in kinds} | {f'{name}.num_batches_tracked': ()}


def released_tensors():
    """Names and shapes in the released audio checkpoints, without their prefix ``DAVEnet.``."""
    found = norm('batchnorm1', 1) | {'conv1.weight': (128, 1, 40, 1)} | norm('bn1', 128)
    widths = (128, 128, 256, 512, 1024)
    for stage in range(1, 5):
        before, after = widths[stage - 1], widths[stage]
        for block, given in ((0, before), (1, after)):
            name = f'layer{stage}.{block}'
            found |= {f'{name}.conv1.weight': (after, given, 1, 9)} | norm(f'{name}.bn1', after)
            found |= {f'{name}.conv2.weight': (after, after, 1, 9)} | norm(f'{name}.bn2', after)
        short = f'layer{stage}.0.downsample'
        found |= {f'{short}.0.weight': (after, before, 1, 1)} | norm(f'{short}.1', after)
    return found


def test_names_and_shapes_are_those_of_the_released_checkpoints():
    with torch.device('meta'):
        tensors = DAVEnet().state_dict()

    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == released_tensors()
    assert len(tensors) == 131
    assert sum(tensor.numel() for tensor in tensors.values()) == 44_690_458


@pytest.mark.parametrize(
    ('frames', 'steps'), [(1000, 63), (1024, 64), (1, 1), (16, 1), (17, 2), (1600, 100)]
)
def test_each_stage_halves_the_time(frames, steps):
    net = DAVEnet(SMALL).eval()

    audio = net.encode_audio(torch.randn(2, 40, frames), torch.ones(2, frames).bool())

    assert (audio.steps.shape, audio.mask.shape) == ((2, steps, 10), (2, steps))
    assert (net.audio_dim, net.stride) == (10, 16)


def test_more_stages_make_longer_steps():
    net = DAVEnet((2, 2, 2, 2, 2, 2, 3))

    assert net.stride == 64
    assert net(torch.randn(1, 40, 1600)).shape == (1, 3, 25)


def test_one_stage_equals_the_convolutions_written_down():
    net = DAVEnet((3, 5)).eval()
    audio = torch.randn(2, 40, 21)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # as after training
            torch.nn.init.uniform_(module.weight, 0.5, 2)
            torch.nn.init.normal_(module.bias)
            torch.nn.init.normal_(module.running_mean)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    state = net.state_dict()

    def normed(x, name):
        parts = [state[f'{name}.{k}'][:, None] for k in ('weight', 'bias')]
        mean, var = (state[f'{name}.running_{k}'][:, None] for k in ('mean', 'var'))
        return (x - mean) / (var + 1e-5).sqrt() * parts[0] + parts[1]

    def conv(x, name, stride):
        kernel = state[f'{name}.weight'][:, :, 0]  # (out, in, width)
        return F.conv1d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2)

    first = torch.einsum('om,bmn->bon', state['conv1.weight'][:, 0, :, 0], audio)
    x = normed(first, 'bn1').relu()
    for block, stride in (('layer1.0', 2), ('layer1.1', 1)):
        hidden = normed(conv(x, f'{block}.conv1', stride), f'{block}.bn1').relu()
        hidden = normed(conv(hidden, f'{block}.conv2', 1), f'{block}.bn2')
        if stride == 2:
            x = normed(conv(x, f'{block}.downsample.0', 2), f'{block}.downsample.1')
        x = (hidden + x).relu()

    torch.testing.assert_close(net(audio), x, atol=1e-5, rtol=1e-5)


def test_a_step_is_real_if_a_frame_from_its_centre_on_is():
    mask = torch.zeros(3, 40, dtype=torch.bool)
    mask[0, :20] = True
    mask[1, 33] = True

    audio = DAVEnet(SMALL).encode_audio(torch.randn(3, 40, 40), mask)

    assert audio.mask.tolist() == [[True, True, False], [False, False, True], [False] * 3]


def test_a_clip_without_sound_leaves_no_trace_in_the_others():
    torch.manual_seed(0)
    net = DAVEnet(SMALL).train()
    audio, mask = torch.randn(3, 40, 64), torch.ones(3, 64, dtype=torch.bool)
    mask[1] = False
    noisy = audio.clone()
    noisy[1] = 100 * torch.randn(40, 64)

    alone = net.encode_audio(audio[[0, 2]], mask[[0, 2]])
    found = net.encode_audio(noisy, mask)

    torch.testing.assert_close(found.steps[[0, 2]], alone.steps)
    assert not found.steps[1].any()
    assert not found.mask[1].any()


def test_a_batch_without_any_sound_has_a_gradient_of_zero_everywhere():
    net = DAVEnet(SMALL).train()

    audio = net.encode_audio(torch.full((2, 40, 64), -80.0), torch.zeros(2, 64).bool())
    (audio.steps * audio.mask[..., None]).sum().backward()

    learned = {n: p.grad for n, p in net.named_parameters() if p.requires_grad}
    assert all(grad is not None and not grad.any() for grad in learned.values())
    assert set(dict(net.named_parameters())) - set(learned) == {
        'batchnorm1.weight',
        'batchnorm1.bias',
    }


def test_frozen_weights_come_from_a_file_and_stay(tmp_path):
    torch.manual_seed(1)
    trained = DAVEnet(SMALL)
    save_file(trained.state_dict(), tmp_path / 'davenet.safetensors')

    net = DAVEnet(SMALL, source=str(tmp_path / 'davenet.safetensors'), frozen=True).train()
    audio, mask = torch.randn(2, 40, 32), torch.ones(2, 32, dtype=torch.bool)
    steps = net.encode_audio(audio, mask).steps

    assert not steps.requires_grad
    torch.testing.assert_close(steps, trained.eval().encode_audio(audio, mask).steps)
    assert int(net.bn1.num_batches_tracked) == 0


def test_weights_may_come_from_a_training_with_several_processes(tmp_path):
    trained = DAVEnet(SMALL)
    wrapped = {f'module.{name}': value for name, value in trained.state_dict().items()}
    torch.save({'epoch': 3, 'state_dict': wrapped}, tmp_path / 'davenet.pth')

    net = DAVEnet(SMALL, source=str(tmp_path / 'davenet.pth'), frozen=True)

    assert torch.equal(net.conv1.weight, trained.conv1.weight)


@pytest.mark.parametrize('name', ['davenet.pth', 'davenet.safetensors'])
def test_missing_and_damaged_weights_are_named(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=f'no weights .*{name}'):
        DAVEnet(SMALL, source=str(tmp_path / name))
    (tmp_path / name).write_bytes(b'crack an egg')
    with pytest.raises(ValueError, match=rf'{name} \(12 bytes\) cannot be read safely'):
        DAVEnet(SMALL, source=str(tmp_path / name))


def test_what_cannot_be_is_refused(tmp_path):
    save_file(DAVEnet(SMALL).state_dict(), tmp_path / 'small.safetensors')

    with pytest.raises(ValueError, match='would stay random'):
        DAVEnet(SMALL, frozen=True)
    with pytest.raises(ValueError, match='two widths or more'):
        DAVEnet((4,))
    with pytest.raises(ValueError, match=r'small\.safetensors does not fit this DAVEnet'):
        DAVEnet((4, 4), source=str(tmp_path / 'small.safetensors'))
    with pytest.raises(ValueError, match=r'\(B, 40, N > 0\), but got \(1, 64, 100\)'):
        DAVEnet(SMALL).encode_audio(torch.zeros(1, 64, 100), torch.ones(1, 100).bool())
