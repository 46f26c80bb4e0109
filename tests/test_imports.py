"""Who imports what: the layers of the package, and nothing heavy before it is needed."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

_PACKAGE = Path(__file__).resolve().parents[1] / 'stgr'
_FOUNDATION = {'ops', 'structures', 'io', 'registry'}
_PARTS = {
    'annotation',
    'calibration',
    'datasets',
    'evaluation',
    'io',
    'localizers',
    'models.backbones',
    'models.data_preprocessors',
    'models.heads',
    'models.losses',
    'models.prompts',
    'models.selectors',
    'preparation',
    'visualization',
}
_BELOW_GROUNDERS = _FOUNDATION | _PARTS | {'models'}
_BELOW_APIS = _BELOW_GROUNDERS | {'models.grounders', 'engine'}
# What each part may import besides itself; a part that is not listed here fails the test below.
ALLOWED = {
    'ops': set(),
    'structures': set(),
    'registry': set(),
    'models.layers': set(),
    **dict.fromkeys(_PARTS, _FOUNDATION),
    'models.backbones': _FOUNDATION | {'models.layers'},
    'models': _PARTS | {'models.grounders'},  # its __init__ imports its folders, to register them
    'models.grounders': _BELOW_GROUNDERS,
    'engine': _BELOW_GROUNDERS | {'models.grounders'},
    'apis': _BELOW_APIS,
    'search': _BELOW_APIS | {'apis'},
    'demo_page': _BELOW_APIS | {'apis', 'search'},
    'commands': _BELOW_APIS | {'apis', 'demo_page', 'search'},
    'cli': {'apis', 'commands'},
    '__main__': {'cli'},
    '': {'apis'},  # stgr/__init__.py, when Grounder is first used
}
HEAVY = {
    'av',
    'decord',
    'faiss',
    'faster_whisper',
    'gradio',
    'matplotlib',
    'onnx',
    'onnxruntime',
    'onnxscript',
    'ot',
    'pysubs2',
    'supervision',
    'ray',
    'tensorboard',
    'timm',
    'torchcodec',
    'transformers',
    'wandb',
}


def _part_of(module):
    """Return the part a module belongs to: ``stgr.models.heads.base`` -> ``models.heads``."""
    names = module.split('.')[1:]
    depth = 2 if names[:1] == ['models'] else 1
    part = '.'.join(names[:depth])
    return part if part in ALLOWED else '.'.join(names[:1])


def _module_of(file):
    parts = file.relative_to(_PACKAGE.parent).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def _imports(tree, *, inside_functions=True):
    """Yield the absolute modules a syntax tree imports, with the names taken from them."""
    for node in ast.walk(tree) if inside_functions else _top_level(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module, alias.name) for alias in node.names)


def _top_level(tree):
    """Yield the nodes that run at import: not functions, not ``if TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        is_typing = isinstance(node, ast.If) and 'TYPE_CHECKING' in ast.unparse(node.test)
        if not is_function and not is_typing:
            yield node
            yield from _top_level(node)


def _sources():
    for file in sorted(_PACKAGE.rglob('*.py')):
        if 'configs' not in file.relative_to(_PACKAGE).parts:
            yield _module_of(file), ast.parse(file.read_text(encoding='utf-8'))


def _forbidden(importer, tree):
    part = _part_of(importer)
    for module, name in _imports(tree):
        if not (module or '').startswith('stgr') or (module, name) == ('stgr', '__version__'):
            continue
        # ``from stgr.models import heads`` imports the part models.heads
        imported = _part_of(f'{module}.{name}' if module in ('stgr', 'stgr.models') else module)
        if imported not in ALLOWED[part] | {part}:
            yield f'{importer} imports {module}: {part or "stgr"} may not import {imported}'


def test_every_part_has_a_place_in_the_order():
    unknown = {_part_of(module) for module, _ in _sources()} - set(ALLOWED)

    assert not unknown, f'say in ALLOWED what {unknown} may import'


def test_parts_import_only_what_lies_below_them():
    assert [fault for module, tree in _sources() for fault in _forbidden(module, tree)] == []


@pytest.mark.parametrize(
    ('importer', 'source'),
    [
        ('stgr.ops.sinkhorn', 'from stgr.structures import Span'),
        ('stgr.structures.tubes', 'def f():\n    import stgr.ops.boxes'),
        ('stgr.datasets.howto100m', 'from stgr.models.heads import GlobalHead'),
        ('stgr.models.heads.head', 'from stgr.models import losses'),
        ('stgr.evaluation.metrics.a', 'from stgr.localizers import build_tubes'),
        ('stgr.models.grounders.a', 'from stgr.engine import GroundingRunner'),
        ('stgr.engine.a', 'from stgr.apis import Grounder'),
        ('stgr.io.video', 'from stgr import Grounder'),
    ],
)
def test_import_against_the_order_is_found(importer, source):
    assert len(list(_forbidden(importer, ast.parse(source)))) == 1


def test_imports_are_absolute():
    relative = [
        module
        for module, tree in _sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]

    assert relative == []


def test_heavy_packages_are_imported_where_they_are_used():
    early = [
        f'{module} imports {name} at its top'
        for module, tree in _sources()
        for name, _ in _imports(tree, inside_functions=False)
        if (name or '').split('.')[0] in HEAVY
    ]

    assert early == []


_LIGHT = [
    'stgr',
    'stgr.structures',
    'stgr.io',
    'stgr.cli',
    'stgr.apis.model_hub',
    'stgr.registry',
    'stgr.search',
]


def test_light_modules_do_not_import_torch():
    modules = [name for name in _LIGHT if _exists(name)]
    code = (
        'import importlib, sys\n'
        f'for name in {modules!r}:\n'
        '    importlib.import_module(name)\n'
        '    heavy = {"torch", "transformers", "matplotlib", "av"} & set(sys.modules)\n'
        '    assert not heavy, f"import {name} imports {heavy}"\n'
    )
    environment = {**os.environ, 'PYTHONPATH': str(_PACKAGE.parent)}
    done = subprocess.run(
        [sys.executable, '-c', code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def _exists(name):
    path = _PACKAGE.parent / name.replace('.', '/')
    return path.is_dir() or path.with_suffix('.py').is_file()
