"""The README of a model on the hub: what it is, how it is used, what it does not do."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from stgr import __version__

TAGS = ('stgr', 'video', 'temporal-grounding', 'spatio-temporal-grounding', 'narrated-videos')


@dataclass(frozen=True)
class ModelCard:
    """What a reader of the hub should know.

    Args:
        name: Name of the model.
        licence: Identifier of the hub, such as ``apache-2.0``; None: it says that none is given.
        description: What it was trained on and for, in a sentence or more.
        scores: Numbers that are known, by name (``pointing accuracy, GroundingYouTube`` for
            example), as printed.
        notice: What to know before trusting an answer; None if nothing.
        weights_sha256: Checksum of ``model.safetensors``; None where there is none.
        num_parameters: Numbers in it.
        thresholds: Similarities from which a frame counts, by mode.

    Raises:
        ValueError: If the licence is no identifier.
    """

    name: str
    licence: str | None = None
    description: str = ''
    scores: Mapping[str, float] = field(default_factory=dict)
    notice: str | None = None
    weights_sha256: str | None = None
    num_parameters: int = 0
    thresholds: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (
            self.licence is not None
            and not self.licence.replace('-', '').replace('.', '').isalnum()
        ):
            raise ValueError(
                f'licence must be an identifier such as apache-2.0, but is {self.licence!r}'
            )

    def text(self, repo_id: str | None = None) -> str:
        """Return the card in Markdown with the hub's metadata on top.

        Args:
            repo_id: Where it will be; None: not known, the example names a folder.
        """
        metadata = ['library_name: stgr', 'tags:', *(f'- {tag}' for tag in TAGS)]
        if self.licence is not None:
            metadata.append(f'license: {self.licence}')
        parts = [
            '---\n' + '\n'.join(metadata) + '\n---',
            f'# {self.name}',
            self.description or 'A model that says when and where an action happens in a video.',
            self._use(repo_id or 'FOLDER'),
            self._facts(),
            self._numbers(),
            self._limits(),
        ]
        return '\n\n'.join(part for part in parts if part) + '\n'

    def _use(self, place: str) -> str:
        return (
            '## Use\n\n```python\nfrom stgr import Grounder\n\n'
            f'grounder = Grounder.from_pretrained({json.dumps(place)})\n'
            "result = grounder.ground('my.mp4', queries=['crack an egg'])\n```"
        )

    def _facts(self) -> str:
        rows = [
            f'| stgr | {__version__} |',
            f'| numbers in the weights | {self.num_parameters:,} |',
        ]
        if self.weights_sha256 is not None:
            rows.append(f'| sha256 of the weights | `{self.weights_sha256}` |')
        rows += [f'| threshold, {mode} | {value:.6g} |' for mode, value in self.thresholds.items()]
        return '## Facts\n\n| fact | value |\n|---|---|\n' + '\n'.join(rows)

    def _numbers(self) -> str:
        if not self.scores:
            return '## Scores\n\nNone were given with the model.'
        rows = [f'| {name} | {value:g} |' for name, value in self.scores.items()]
        return '## Scores\n\n| score | value |\n|---|---|\n' + '\n'.join(rows)

    def _limits(self) -> str:
        licence = '' if self.licence else ' No licence was given with it.'
        notice = f'{self.notice[:1].upper()}{self.notice[1:]}.\n\n' if self.notice else ''
        return (
            f'## Limits\n\n{notice}It answers with boxes from heat maps, not with masks, and with '
            '"not found" below its thresholds, which were chosen on the videos it was validated '
            f'on: choose them anew for others.{licence}'
        )
