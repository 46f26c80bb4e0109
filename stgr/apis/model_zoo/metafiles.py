"""Read ``configs/**/metafile.yml``: every error says which file, which field and what to write."""

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from stgr.apis.model_hub import configs_dir
from stgr.apis.model_zoo.entry import (
    Cost,
    Score,
    ScoreTable,
    WeightFile,
    Weights,
    Zoo,
    ZooModel,
)
from stgr.io.checked_json import JsonNode

METAFILE = 'metafile.yml'
_Made = TypeVar('_Made')


def read_zoo(folder: Path | None = None) -> Zoo:
    """Return all models and tables of the metafiles below a folder of configs.

    Args:
        folder: The folder of configs; None for that of the package.

    Raises:
        FileNotFoundError: If a config that is named is not there.
        ValueError: If a metafile is broken; file and field are named.
    """
    root = configs_dir() if folder is None else folder
    # those of the top folder first, as they stand in lists
    files = sorted(root.rglob(METAFILE), key=lambda file: (len(file.parts), file))
    nodes = [_read_yaml(file) for file in files]
    tables: dict[str, ScoreTable] = {}
    for node in nodes:
        _known_fields(node, ('models', 'tables'))
        for name, table in _entries(node, 'tables'):
            _add(tables, name, _read_table(table), table)
    models: dict[str, ZooModel] = {}
    for node in nodes:
        for name, entry in _entries(node, 'models'):
            model = _read_model(name, entry, root)
            _check_scores(model, tables, entry)
            _add(models, model.name, model, entry)
    _check_rows(models, tables)
    return Zoo(models, tables)


def find_zoo_model(zoo: Zoo, name: str) -> ZooModel:
    """Return the model called ``name``.

    Raises:
        ValueError: If no metafile describes one; near names are listed.
    """
    if name in zoo.models:
        return zoo.models[name]
    near = difflib.get_close_matches(name, zoo.models, n=3)
    hint = f'did you mean {" or ".join(near)}?' if near else f'there are {", ".join(zoo.models)}'
    raise ValueError(f'no metafile describes a model {name!r}; {hint}')


def _read_yaml(file: Path) -> JsonNode:
    import yaml

    class UniqueKeys(yaml.SafeLoader):
        """Plain YAML that refuses a key that is given twice: one would be lost."""

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            keys = [key.value for key, _ in node.value]
            twice = next((key for key in keys if keys.count(key) > 1), None)
            if twice is not None:
                raise yaml.MarkedYAMLError(
                    problem=f'{twice!r} is given twice', problem_mark=node.start_mark
                )
            mapping: dict[Any, Any] = super().construct_mapping(node, deep)
            return mapping

    try:
        value = UniqueKeys(file.read_text('utf-8')).get_single_data()
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f'{file}: broken YAML: {" ".join(str(error).split())}') from error
    return JsonNode(value, f'{file}:')


def _read_model(name: str, node: JsonNode, root: Path) -> ZooModel:
    """Return a model; its metafile stands in the folder of its config."""
    required = ('config', 'summary', 'weights', 'licence', 'data', 'limits')
    _known_fields(node, required, optional=('third_party', 'golden_tests', 'scores', 'cost'))
    config = Path(node.where.partition(':')[0]).parent / node['config'].text()
    if not config.is_file():
        raise FileNotFoundError(f'{node["config"].where}: no config {config}; correct the name')
    full_name = config.relative_to(root).with_suffix('').as_posix()
    if full_name.rpartition('/')[2] != name:
        raise ValueError(f'{node.where} must be called like its config, {config.stem}')
    return _make(
        node,
        lambda: ZooModel(
            name=full_name,
            config=config,
            summary=node['summary'].text().strip(),
            weights=_read_weights(node['weights']),
            licence=node['licence'].text(),
            data=node['data'].text().strip(),
            limits=_texts(node['limits']),
            third_party=node['third_party'].flag() if 'third_party' in node.value else False,
            golden_tests=_texts(node['golden_tests']) if 'golden_tests' in node.value else (),
            scores={table: _scores(scores) for table, scores in _entries(node, 'scores')},
            cost=_read_cost(node['cost']) if 'cost' in node.value else None,
        ),
    )


def _read_weights(node: JsonNode) -> Weights:
    optional = ('files', 'holds', 'command', 'original')
    _known_fields(node, ('source',), optional=optional)
    texts = {name: _text_or_empty(node, name) for name in ('holds', 'command', 'original')}
    files = node['files'].items() if 'files' in node.value else []
    return _make(
        node, lambda: Weights(node['source'].text(), tuple(map(_read_file, files)), **texts)
    )


def _read_file(node: JsonNode) -> WeightFile:
    _known_fields(node, ('path', 'sha256', 'bytes'), optional=('url',))
    url = node['url'].text() if 'url' in node.value else None
    return _make(
        node,
        lambda: WeightFile(
            node['path'].text(), node['sha256'].text(), node['bytes'].integer(), url
        ),
    )


def _read_cost(node: JsonNode) -> Cost:
    numbers = ('start_cpu_s', 'cpu_s_per_video_minute', 'peak_mib')
    _known_fields(node, (*numbers, 'command', 'machine'), optional=('note',))
    return Cost(
        start_cpu_s=_score(node['start_cpu_s']),
        cpu_s_per_video_minute=_score(node['cpu_s_per_video_minute']),
        peak_mib=_score(node['peak_mib']),
        command=node['command'].text().strip(),
        machine=node['machine'].text(),
        note=_text_or_empty(node, 'note'),
    )


def _read_table(node: JsonNode) -> ScoreTable:
    required = (
        'title', 'protocol', 'data', 'command', 'environment', 'seeds', 'columns', 'rows',
    )  # fmt: skip
    _known_fields(node, required, optional=('controls', 'seedless', 'about', 'findings'))
    return _make(
        node,
        lambda: ScoreTable(
            title=node['title'].text(),
            protocol=node['protocol'].text(),
            data=node['data'].text().strip(),
            command=node['command'].text().strip(),
            environment=node['environment'].text().strip(),
            seeds=node['seeds'].integer(),
            columns=_texts(node['columns']),
            rows=_texts(node['rows']),
            controls={row: _scores(scores) for row, scores in _entries(node, 'controls')},
            seedless=_texts(node['seedless']) if 'seedless' in node.value else (),
            about=_text_or_empty(node, 'about'),
            findings=_texts(node['findings']) if 'findings' in node.value else (),
        ),
    )


def _check_scores(model: ZooModel, tables: Mapping[str, ScoreTable], node: JsonNode) -> None:
    for name, scores in model.scores.items():
        where = f'{node.where}.scores.{name}'
        if name not in tables:
            raise ValueError(f'{where}: no table {name!r}; there are {", ".join(tables)}')
        try:
            tables[name].check_row(model.label, scores)
        except ValueError as error:
            raise ValueError(f'{where}: {error}') from error


def _check_rows(models: Mapping[str, ZooModel], tables: Mapping[str, ScoreTable]) -> None:
    for name, table in tables.items():
        labels = [model.label for model in models.values() if name in model.scores]
        known = [*table.controls, *labels]
        missing = sorted(set(table.rows) - set(known))
        if missing:
            raise ValueError(f'table {name}: no numbers of {", ".join(missing)}; give them')
        twice = sorted({row for row in known if known.count(row) > 1})
        if twice:
            raise ValueError(f'table {name}: {", ".join(twice)} has numbers twice; remove one')


def _entries(node: JsonNode, name: str) -> list[tuple[str, JsonNode]]:
    """Return the named parts of a field that may be left out."""
    if name not in node.value:
        return []
    if not isinstance(node[name].value, dict):
        raise ValueError(f'{node[name].where} must be names with what belongs to them')
    return [(key, node[name][key]) for key in node[name].value]


def _known_fields(
    node: JsonNode, required: tuple[str, ...], *, optional: tuple[str, ...] = ()
) -> None:
    """Raise if a field is missing or unknown; all of a metafile's own fields may be left out."""
    if not isinstance(node.value, dict):
        raise ValueError(f'{node.where} must be fields and their values, but got {node.value!r}')
    known = (*required, *optional)
    for name in node.value:
        if name not in known:
            raise ValueError(f'{node.where} {name!r} is unknown; the fields are {", ".join(known)}')
    missing = [] if node.where.endswith(':') else [n for n in required if n not in node.value]
    if missing:
        raise ValueError(f'{node.where}: {", ".join(missing)} is missing; give it')


def _scores(node: JsonNode) -> dict[str, Score]:
    if not isinstance(node.value, dict):
        raise ValueError(f'{node.where} must be columns with their numbers')
    return {column: _score(node[column]) for column in node.value}


def _score(node: JsonNode) -> Score:
    number = isinstance(node.value, int | float) and not isinstance(node.value, bool)
    return _make(node, lambda: Score(str(node.value) if number else node.text()))


def _texts(node: JsonNode) -> tuple[str, ...]:
    return tuple(item.text().strip() for item in node.items())


def _text_or_empty(node: JsonNode, name: str) -> str:
    return node[name].text().strip() if name in node.value else ''


def _make(node: JsonNode, make: Callable[[], _Made]) -> _Made:
    """Return what ``make`` makes; put the place before an error that does not name it yet."""
    try:
        return make()
    except ValueError as error:
        file = node.where.partition(':')[0]
        message = str(error)
        raise ValueError(message if file in message else f'{node.where}: {message}') from error


def _add(known: dict[str, _Made], name: str, entry: _Made, node: JsonNode) -> None:
    if name in known:
        raise ValueError(f'{node.where}: {name} is described twice; remove one')
    known[name] = entry
