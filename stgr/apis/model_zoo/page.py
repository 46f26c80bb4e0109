"""The page ``model_zoo.md``, made of a template and the metafiles."""

import re
import textwrap
from collections.abc import Callable

from stgr.apis.model_zoo.entry import SOURCES, Score, ScoreTable, Zoo, ZooModel
from stgr.apis.tables import format_table

_WIDTH = 100
_PLACE = re.compile(r'\{\{(.+?)\}\}', re.DOTALL)
ROUNDED = 'rounded'
SAME_COMMAND = 'The command above prints this table too.'


def make_page(zoo: Zoo, template: str) -> str:
    """Return the page.

    Args:
        zoo: Models and tables.
        template: Text with ``{{models}}``, ``{{costs}}``, ``{{tables}}``, ``{{details}}`` and
            ``{{checksums}}``, each exactly once.

    Raises:
        ValueError: If the template lacks one of them or has another, or a finding names a number
            that is not there.
    """
    parts: dict[str, Callable[[], str]] = {
        'models': lambda: _models(zoo),
        'costs': lambda: _costs(zoo),
        'tables': lambda: '\n'.join(_tables(zoo)),
        'details': lambda: '\n'.join(map(_details, zoo.models.values())),
        'checksums': lambda: _checksums(zoo),
    }
    places = _PLACE.findall(template)
    if sorted(places) != sorted(parts):
        raise ValueError(f'the template needs {", ".join(parts)} once each, but has {places}')
    return _PLACE.sub(lambda place: parts[place[1]]().strip(), template).strip() + '\n'


def fill_numbers(text: str, zoo: Zoo, table: str) -> str:
    """Return a text with its numbers put in.

    ``{{ROW / COLUMN}}`` is a number of the table with its spread, ``{{ROW / COLUMN | rounded}}``
    its value as a whole number, ``{{A / B - C / D | rounded}}`` a difference of values. A third
    name in front, ``{{TABLE / ROW / COLUMN}}``, takes the number from another table.

    Args:
        text: What to fill.
        zoo: Where the numbers are.
        table: Whose numbers are meant where no table is named.

    Raises:
        ValueError: If there is no such number.
    """
    return _PLACE.sub(lambda place: _number(' '.join(place[1].split()), zoo, table), text)


def _number(place: str, zoo: Zoo, table: str) -> str:
    names, _, style = place.partition(' | ')
    first, _, second = names.partition(' - ')
    score = _look_up(first, zoo, table)
    if style not in ('', ROUNDED) or (second and not style):
        raise ValueError(f'table {table}: write {{{{{names} | {ROUNDED}}}}}, not {{{{{place}}}}}')
    if not style:
        return score.text
    subtracted = _look_up(second, zoo, table).value if second else 0.0
    return f'{round(score.value - subtracted, 6):.0f}'


def _look_up(name: str, zoo: Zoo, table: str) -> Score:
    parts = name.split(' / ')
    of_table, row, column = parts if len(parts) == 3 else (table, *parts, '')[:3]
    try:
        return zoo.rows(of_table)[row][column]
    except KeyError as error:
        raise ValueError(f'table {table}: a finding names {name!r}, which is no number') from error


def _models(zoo: Zoo) -> str:
    heads = ['name', 'what', 'weights', 'size', 'licence']
    rows = [
        [f'`{m.name}`', m.summary, _where(m), size_text(m.weights.num_bytes), m.licence]
        for m in zoo.models.values()
    ]
    return format_table(heads, rows)


def _where(model: ZooModel) -> str:
    text = SOURCES[model.weights.source]
    return f'{text}: {model.weights.holds}' if model.weights.holds else text


def size_text(num_bytes: int) -> str:
    """Return a size for people.

    >>> size_text(794440), size_text(0)
    ('0.8 MB', '')
    """
    return f'{num_bytes / 1e6:.1f} MB' if num_bytes else ''


def _costs(zoo: Zoo) -> str:
    measured = [(model.name, model.cost) for model in zoo.models.values() if model.cost]
    heads = ['name', 'to start, CPU s', 'a minute of video, CPU s', 'peak memory, MiB', 'measured']
    rows = [
        [
            f'`{name}`',
            cost.start_cpu_s.text,
            cost.cpu_s_per_video_minute.text,
            cost.peak_mib.text,
            f'`{cost.command}`; {cost.machine}' + (f'; {cost.note}' if cost.note else ''),
        ]
        for name, cost in measured
    ]
    return format_table(heads, rows)


def _tables(zoo: Zoo) -> list[str]:
    """Return the tables; a command that printed the table before too is not repeated."""
    commands = ['', *(table.command for table in zoo.tables.values())]
    return [
        _table(zoo, name, SAME_COMMAND if table.command == before else _block(table.command))
        for (name, table), before in zip(zoo.tables.items(), commands, strict=False)
    ]


def _table(zoo: Zoo, name: str, command: str) -> str:
    table = zoo.tables[name]
    lines = [f'## {table.title}', '', _wrapped(table.data), '', command, '']
    lines += [format_table(['', *table.columns], _rows(zoo, name)).rstrip(), '']
    lines += [_wrapped(f'{table.about} {_seeds(table)}'.strip()), '', _wrapped(table.environment)]
    findings = [fill_numbers(text, zoo, name) for text in table.findings]
    lines += ['', *(_wrapped(text, '* ', '  ') for text in findings)] if findings else []
    return '\n'.join(lines) + '\n'


def _rows(zoo: Zoo, name: str) -> list[list[str]]:
    columns = zoo.tables[name].columns
    return [
        [label, *(scores[column].text if column in scores else '' for column in columns)]
        for label, scores in zoo.rows(name).items()
    ]


def _seeds(table: ScoreTable) -> str:
    if table.seeds == 1:
        return 'One run.'
    return f'Mean ± standard deviation over {table.seeds} seeds.'


def _details(model: ZooModel) -> str:
    weights = model.weights
    lines = [f'### `{model.name}`', '', f'* Trained on: {model.data}']
    if model.third_party:
        lines.append(f'* **Third-party weights.** {weights.original}'.rstrip())
    lines += [f'* Compared with the originals by `{test}`' for test in model.golden_tests]
    lines += [f'* Limit: {limit}' for limit in model.limits]
    text = '\n'.join(
        line if not line.startswith('* ') else _wrapped(line[2:], '* ', '  ') for line in lines
    )
    return f'{text}\n\n{_block(weights.command)}\n' if weights.command else f'{text}\n'


def _checksums(zoo: Zoo) -> str:
    files = {file.path: file.sha256 for m in zoo.models.values() for file in m.weights.files}
    return '```\n' + ''.join(f'{digest}  {path}\n' for path, digest in files.items()) + '```'


def _block(command: str) -> str:
    return f'```bash\n{command}\n```'


def _wrapped(text: str, first: str = '', later: str = '') -> str:
    return textwrap.fill(
        ' '.join(text.split()),
        _WIDTH,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
