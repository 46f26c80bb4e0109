"""The benchmark of training steps, on the tiny CLIP."""

import csv

import pytest
import torch

TINY = ['--encoder', 'tiny', '--clips', '3', '--kept', '2', '--candidates', '4', '--rounds', '1']


@pytest.fixture(scope='module')
def stores(tmp_path_factory):
    return tmp_path_factory.mktemp('stores')


@pytest.fixture
def make_steps(script, stores):
    """Return a function that returns both steps on stored features."""
    module = script('training_step')
    if not any(stores.iterdir()):
        module.write_stores(stores, module.WIDTHS['tiny'])
    grounder = module.build_grounder('tiny', kept=2)

    def make():
        batches = module.store_batches(3, folder=stores, arguments=None)
        return module.make_steps(grounder, batches, 'float32')

    return make


def test_both_sources_are_measured_against_a_plain_step_of_equal_loss(script, tmp_path, capsys):
    out = tmp_path / 'steps.csv'

    script('training_step').main([*TINY, '--out', str(out)])

    rows = list(csv.DictReader(out.open()))
    assert [(row['source'], row['way']) for row in rows] == [
        (source, way) for source in ('pixels', 'store') for way in ('library', 'plain')
    ]
    assert all(float(row['loss_difference']) < 1e-5 for row in rows)
    assert all(float(row['gradient_difference']) < 1e-4 for row in rows)
    assert all(float(row['of_gemm_peak']) > 0 for row in rows)
    assert 'plain' in capsys.readouterr().out


def test_another_loss_is_not_timed(script, make_steps):
    steps = make_steps()
    steps['plain'].plain.margin = 1.0

    with pytest.raises(RuntimeError, match='the steps differ'):
        script('training_step').check_same(steps)


def test_plain_pairs_in_chunks_have_the_same_loss_and_gradients(script, make_steps):
    steps = make_steps()
    steps['plain'].plain.chunk = 2  # of three clips

    found = script('training_step').check_same(steps)

    assert float(found['loss_difference']) < 1e-5
    assert float(found['gradient_difference']) < 1e-4


def test_chunks_are_halved_until_a_step_fits(script, make_steps):
    step, tried = make_steps()['plain'], []

    class Small:
        plain, optimizer = step.plain, step.optimizer

        def __call__(self):
            tried.append(self.plain.chunk)
            if self.plain.chunk is None or self.plain.chunk > 16:
                raise torch.OutOfMemoryError

    assert script('training_step').fit(Small(), 64, 'cuda') == 16
    assert tried == [None, 32, 16]
    assert script('training_step').fit(Small(), 64, 'cpu') == 64


def test_profile_names_operators(script, tmp_path):
    script('training_step').main(
        [*TINY, '--sources', 'store', '--profile', '--out', str(tmp_path / 'steps.csv')]
    )

    rows = list(csv.DictReader((tmp_path / 'profile_step_store.csv').open()))
    assert any(row['operator'].startswith('aten::') for row in rows)
    assert 0.5 < sum(float(row['own_share']) for row in rows) <= 1.01


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a CUDA device')
@pytest.mark.parametrize('name', ['training_step', 'whole_video'])
def test_without_a_gpu_one_line_says_so(script, name, tmp_path, capsys):
    out = tmp_path / 'gpu.csv'

    script(name).main(['--device', 'cuda', '--out', str(out)])

    assert capsys.readouterr().out.splitlines() == ['skipped: no CUDA device for --device cuda']
    assert not out.exists()


def test_operations_of_a_matrix_product_are_two_a_multiply_add(script):
    one, other = torch.randn(3, 5), torch.randn(5, 7)

    assert script('_devices').count_flops(lambda: one @ other) == 2 * 3 * 5 * 7
