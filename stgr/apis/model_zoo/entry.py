"""What a metafile says of a model: weights, data, numbers with spread, cost, licence, limits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

SOURCES = {
    'bundled': 'travels with the package',
    'download': 'stgr models download',
    'train': 'train it yourself',
    'none': 'has none of its own',
    'convert': "third party: get the authors' file, then convert it",
}
_SHA256 = re.compile('[0-9a-f]{64}')
_NUMBER = r'[+-]?\d+(?:\.\d+)?'
_SCORE = re.compile(
    rf'(?P<value>{_NUMBER})'
    rf'(?: ± (?P<spread>{_NUMBER})| \[(?P<low>{_NUMBER}), (?P<high>{_NUMBER})\])?'
)


@dataclass(frozen=True)
class Score:
    """A number as it was printed, with its spread.

    Attributes:
        text: ``71.5 ± 0.1`` (mean and standard deviation), ``-7.7 [-9.5, -5.9]`` (with an
            interval), or a number alone.

    Raises:
        ValueError: If the text is none of these, or the value lies outside its interval.

    >>> Score('78.3 ± 1.2').value
    78.3
    """

    text: str

    def __post_init__(self) -> None:
        match = _SCORE.fullmatch(self.text)
        if match is None:
            raise ValueError(
                f'expected "71.5 ± 0.1", "-7.7 [-9.5, -5.9]" or a number, but got {self.text!r}'
            )
        low, high = match['low'], match['high']
        if low is not None and not float(low) <= self.value <= float(high):
            raise ValueError(f'{self.text!r}: the value lies outside its interval; copy it again')

    @property
    def value(self) -> float:
        """The number itself, without its spread."""
        return float(self.text.split()[0])

    @property
    def has_spread(self) -> bool:
        """Whether a standard deviation or an interval stands beside the number."""
        return ' ' in self.text


@dataclass(frozen=True)
class WeightFile:
    """One file of weights.

    Attributes:
        path: Place below the folder of weights and below a mirror, with ``/``.
        sha256: 64 hexadecimal digits.
        num_bytes: Size.
        url: Where it is published; None if it is not.

    Raises:
        ValueError: If a value cannot be right.
    """

    path: str
    sha256: str
    num_bytes: int
    url: str | None = None

    def __post_init__(self) -> None:
        parts = PurePosixPath(self.path).parts
        if not parts or self.path.startswith('/') or '\\' in self.path or '..' in parts:
            raise ValueError(f'path {self.path!r} must lie below the folder of weights')
        if not _SHA256.fullmatch(self.sha256):
            raise ValueError(
                f'sha256 must be 64 digits of 0-9a-f, but got {self.sha256!r}; '
                f'print it with: sha256sum {self.path}'
            )
        if self.num_bytes < 1:
            raise ValueError(f'bytes must be at least 1, but got {self.num_bytes}')
        if self.url is not None and urlsplit(self.url).scheme != 'https':
            raise ValueError(f'url must begin with https://, but got {self.url!r}')


@dataclass(frozen=True)
class Weights:
    """Where the weights of a model come from.

    Attributes:
        source: One of ``SOURCES``.
        files: What is bundled or downloaded; the first is the model's checkpoint, or the first of
            its folder.
        holds: What is in them, or what the model takes instead; empty if the whole model is.
        command: What makes them, for 'train' and 'convert'.
        original: Where third parties publish the original, for 'convert'.

    Raises:
        ValueError: If the source is unknown, or what it needs is missing.
    """

    source: str
    files: tuple[WeightFile, ...] = ()
    holds: str = ''
    command: str = ''
    original: str = ''

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise ValueError(f'source must be one of {", ".join(SOURCES)}, but got {self.source!r}')
        if self.source in ('bundled', 'download') and not self.files:
            raise ValueError(f'weights of source {self.source!r} need files with their sha256')
        if self.source in ('train', 'convert') and not self.command:
            raise ValueError(f'weights of source {self.source!r} need the command that makes them')
        if self.source == 'convert' and not self.original:
            raise ValueError("weights of source 'convert' need original: where the file comes from")
        if self.source == 'download' and not all(file.url for file in self.files):
            raise ValueError("weights of source 'download' need the url of every file")

    @property
    def num_bytes(self) -> int:
        """Size of all files."""
        return sum(file.num_bytes for file in self.files)


@dataclass(frozen=True)
class Cost:
    """What answering costs, as measured.

    Attributes:
        start_cpu_s: Processor seconds before the first frame, once.
        cpu_s_per_video_minute: Processor seconds for each minute of video.
        peak_mib: Most memory of the process, in MiB.
        command: What printed the numbers.
        machine: What they were measured on.
        note: What else must be known; may be empty.
    """

    start_cpu_s: Score
    cpu_s_per_video_minute: Score
    peak_mib: Score
    command: str
    machine: str
    note: str = ''


@dataclass(frozen=True)
class ScoreTable:
    """Numbers of several models that one command printed.

    Attributes:
        title: Of the table.
        protocol: How it was scored, a name of ``stgr evaluate --protocol``; 'zero_shot' for the
            accuracy on single pictures.
        data: What was scored.
        command: What printed the numbers, one command a line.
        environment: Versions and machine.
        seeds: Runs behind each number.
        columns: Names of the numbers, in their order.
        rows: Names of models and controls, in their order.
        controls: Numbers that belong to no model: row -> column -> number.
        seedless: Rows that no seed changes; their numbers need no spread.
        about: What the columns mean.
        findings: What the numbers show; ``{{row/column}}`` stands for one of them.

    Raises:
        ValueError: If a number has no spread though there are several seeds, or a name is unknown.
    """

    title: str
    protocol: str
    data: str
    command: str
    environment: str
    seeds: int
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    controls: Mapping[str, Mapping[str, Score]] = field(default_factory=dict)
    seedless: tuple[str, ...] = ()
    about: str = ''
    findings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise ValueError(f'seeds must be at least 1, but got {self.seeds}')
        for row, scores in self.controls.items():
            self.check_row(row, scores)

    def check_row(self, row: str, scores: Mapping[str, Score]) -> None:
        """Raise unless the table knows the row and every number of it has what it needs."""
        if row not in self.rows:
            raise ValueError(f'{row} is not among rows of {self.title!r}; add it there')
        unknown = sorted(set(scores) - set(self.columns))
        if unknown:
            raise ValueError(
                f'{row} has {", ".join(unknown)}; the columns are {", ".join(self.columns)}'
            )
        bare = [name for name, score in scores.items() if not score.has_spread]
        if self.seeds > 1 and bare and row not in self.seedless:
            raise ValueError(
                f'{row}: {", ".join(bare)} has no spread over the {self.seeds} seeds; write '
                '"mean ± deviation", or add the row to seedless if no seed changes it'
            )


@dataclass(frozen=True)
class ZooModel:
    """One model of the zoo.

    Attributes:
        name: As ``--model`` takes it: the config's path below the configs, without ``.py``.
        config: The config file.
        summary: What it is, one sentence.
        weights: Where they come from.
        licence: Of the weights.
        data: What it was, or is to be, trained on.
        limits: What it cannot do.
        third_party: Whether others trained the weights.
        golden_tests: Tests that compare with numbers of the originals, from the repository's root.
        scores: Numbers: table -> column -> number.
        cost: What answering costs; None where it was not measured.

    Raises:
        ValueError: If a third party's weights have no golden test, or there are no limits.
    """

    name: str
    config: Path
    summary: str
    weights: Weights
    licence: str
    data: str
    limits: tuple[str, ...]
    third_party: bool = False
    golden_tests: tuple[str, ...] = ()
    scores: Mapping[str, Mapping[str, Score]] = field(default_factory=dict)
    cost: Cost | None = None

    def __post_init__(self) -> None:
        for needed in ('summary', 'licence', 'data'):
            if not getattr(self, needed).strip():
                raise ValueError(f'{needed} is empty; say it, or that it is unknown')
        if not self.limits:
            raise ValueError('limits is empty; every model has some')
        if self.weights.source == 'convert' and not self.third_party:
            raise ValueError("converted weights are others' work; set third_party: true")
        if self.third_party and not self.golden_tests:
            raise ValueError("a third party's weights need golden_tests: what shows they are right")
        first = self.weights.files[:1]
        if self.weights.source == 'download' and Path(first[0].path).with_suffix('') != Path(
            self.name
        ):
            raise ValueError(
                f'the first file must be {self.name}.safetensors or .pth, so that --model '
                f'{self.name} finds it, but is {first[0].path}'
            )

    @property
    def label(self) -> str:
        """The name in tables: without its folder."""
        return self.name.rpartition('/')[2]


@dataclass(frozen=True)
class Zoo:
    """All models and tables, by name."""

    models: Mapping[str, ZooModel]
    tables: Mapping[str, ScoreTable]

    def rows(self, table: str) -> dict[str, Mapping[str, Score]]:
        """Return the rows of a table in their order: label -> column -> number."""
        of_models = {
            model.label: model.scores[table]
            for model in self.models.values()
            if table in model.scores
        }
        known = {**self.tables[table].controls, **of_models}
        return {row: known[row] for row in self.tables[table].rows}
