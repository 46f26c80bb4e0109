"""Overrides change what exists, in its type, and refuse the rest."""

import pytest
from mmengine.config import Config

from stgr.engine import apply_overrides


@pytest.fixture
def config():
    return Config(
        {
            'optim_wrapper': {'optimizer': {'lr': 0.1, 'steps': 3, 'fused': False}},
            'pipeline': [{'fps': 5}, {'size': (2, 3)}],
            'name': 'ours',
            'work_dir': None,
            'head': {'type': 'stgr.A', 'width': 4},
        }
    )


@pytest.mark.parametrize(
    ('override', 'path', 'expected'),
    [
        ('optim_wrapper.optimizer.lr=1', ('optim_wrapper', 'optimizer', 'lr'), 1.0),
        ('optim_wrapper.optimizer.lr=1e-3', ('optim_wrapper', 'optimizer', 'lr'), 0.001),
        ('optim_wrapper.optimizer.fused=true', ('optim_wrapper', 'optimizer', 'fused'), True),
        ('pipeline.0.fps=8', ('pipeline', 0, 'fps'), 8),
        ('pipeline.1.size=[4,5]', ('pipeline', 1, 'size'), (4, 5)),
        ('name=123', ('name',), '123'),
        ('name=a=b c', ('name',), 'a=b c'),
        ('work_dir=runs/a', ('work_dir',), 'runs/a'),
        ('name=none', ('name',), None),
        ('head={"type": "stgr.B"}', ('head',), {'type': 'stgr.B'}),
        ('+optim_wrapper.clip_grad.max_norm=2', ('optim_wrapper', 'clip_grad', 'max_norm'), 2),
    ],
)
def test_override_sets_the_value_in_the_type_that_was_there(override, path, expected, config):
    apply_overrides(config, [override])

    value = config
    for part in path:
        value = value[part]
    assert value == expected
    assert isinstance(value, dict) or type(value) is type(expected)


@pytest.mark.parametrize(
    ('override', 'error', 'message'),
    [
        ('optim_wraper.optimizer.lr=1', KeyError, r'did you mean optim_wrapper\.optimizer\.lr'),
        ('lr=1', KeyError, r'did you mean optim_wrapper\.optimizer\.lr'),
        ('pipeline.2.fps=1', KeyError, r'no pipeline\.2\.fps'),
        ('pipeline.-1.size=1', KeyError, r'no pipeline\.-1\.size'),
        ('optim_wrapper.optimizer.lr.x=1', KeyError, r'no optim_wrapper\.optimizer\.lr\.x'),
        ('+name=x', KeyError, 'exists already'),
        ('+pipeline.2=x', KeyError, 'assign the whole list'),
        ('optim_wrapper.optimizer.steps=2.5', TypeError, 'float, but the config has 3'),
        ('optim_wrapper.optimizer.steps=true', TypeError, 'bool, but the config has 3'),
        ('optim_wrapper.optimizer.fused=1', TypeError, 'int, but the config has False'),
        ('optim_wrapper.optimizer.lr=fast', TypeError, 'str, but the config has 0.1'),
        ('pipeline=3', TypeError, 'int, but the config has'),
        ('head=3', TypeError, 'int, but the config has'),
        ('name', ValueError, 'key=value'),
        ('=3', ValueError, 'key=value'),
    ],
)
def test_wrong_override_is_an_error_that_helps(override, error, message, config):
    with pytest.raises(error, match=message):
        apply_overrides(config, [override])


def test_class_in_a_config_is_replaced_by_a_dotted_name(load_toy):
    config = load_toy('model.type=torch.nn.Identity', 'model.width=2')

    assert config.model.type == 'torch.nn.Identity'
    assert config.model.width == 2
