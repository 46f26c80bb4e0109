"""The runner of all benchmarks, on scripts of one line."""

import ast
import importlib.util
from pathlib import Path

import pytest

_TOOLS = Path(__file__).resolve().parents[2] / 'tools'
_BENCHMARKS = _TOOLS.parent / 'benchmarks'


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('run_benchmarks', _TOOLS / 'run_benchmarks.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path):
    (tmp_path / '_recording.py').write_text('raise SystemExit(9)')  # no benchmark
    (tmp_path / 'broken.py').write_text('raise SystemExit(3)')
    (tmp_path / 'good.py').write_text(f'open({str(tmp_path / "ran")!r}, "w").close()')
    return tmp_path


def test_a_failing_script_is_told_and_does_not_stop_the_others(tool, folder, capsys):
    assert tool.main(['--folder', str(folder)]) == 1

    assert (folder / 'ran').exists()
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith('[')] == ['[1/2] broken', '[2/2] good']
    (broken,) = (line for line in lines if line.startswith('broken '))
    assert broken.endswith('FAILED with 3')
    (good,) = (line for line in lines if line.startswith('good '))
    assert 'FAILED' not in good


def test_times_are_listed_slowest_first_with_their_sum(tool):
    runs = [tool.Run('a', 1.0, 0.5, 0), tool.Run('b', 3.0, 2.0, 0)]

    lines = [line.split() for line in tool.table(runs).splitlines()[1:]]

    assert lines == [['b', '3.0', '2.0'], ['a', '1.0', '0.5'], ['all', '4.0', '2.5']]


def test_a_name_that_is_not_there_is_refused(tool, folder, capsys):
    with pytest.raises(SystemExit):
        tool.main(['--folder', str(folder), 'good', 'goood'])

    assert 'goood' in capsys.readouterr().err


def test_scripts_with_larger_sizes_are_there_and_write_elsewhere(tool):
    for name in tool.FULL:
        script = tool.FOLDER / f'{name}.py'
        assert script.is_file()
        *_, option, out = tool.full_options(script)
        assert option == '--out'
        assert Path(out).is_relative_to(tool.FOLDER / 'results' / 'full')


@pytest.mark.parametrize('script', sorted(_BENCHMARKS.glob('[!_]*.py')), ids=lambda path: path.stem)
def test_every_benchmark_runs_without_arguments(script):
    """``make bench`` gives none."""
    calls = [
        node
        for node in ast.walk(ast.parse(script.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, 'attr', '') == 'add_argument'
    ]
    for call in calls:
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        positional = not ast.literal_eval(call.args[0]).startswith('-')
        needed = given.get('required') == 'True' or positional
        assert not needed or given.get('nargs') in {"'?'", "'*'"}, ast.unparse(call)
