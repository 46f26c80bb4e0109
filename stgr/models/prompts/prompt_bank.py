"""From a query to the sentences that stand for it: templates, descriptions, verb and object."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stgr.models.prompts.prompt_file import PromptEntry, read_prompt_file
from stgr.registry import MODELS


@dataclass(frozen=True)
class QueryPrompts:
    """Sentences that stand for one query; those of one part are an ensemble.

    Args:
        action: Of the whole query, at least one.
        verb: Of what is done; none if the query has no word.
        object: Of what it is done to; none if there is nothing.
    """

    action: tuple[str, ...]
    verb: tuple[str, ...]
    object: tuple[str, ...]


@MODELS.register_module()
class PromptBank:
    """Fills templates with queries, and with the verb and the object of each.

    The default templates are VideoGEM's. A query is taken apart as there: its first word is the
    verb, the rest the object ("crack | an egg"); a file can say better, and describe it.

    Args:
        templates: Sentences with one ``{}`` for the query, at least one; their embeddings and those
            of the file's descriptions are averaged.
        verb_templates: Sentences for the verb; none: it is not asked for.
        object_templates: Sentences for the object, likewise.
        null_prompts: Sentences that describe no action: what background is compared with.
        file: Descriptions, verbs and objects, see ``read_prompt_file``; None for none.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a template has not one ``{}``, or the file is of another form.
    """

    def __init__(
        self,
        *,
        templates: Sequence[str] = ('A photo of a person {}.',),
        verb_templates: Sequence[str] = ('A photo of a person {} something.',),
        object_templates: Sequence[str] = ('A photo of a person using {}.',),
        null_prompts: Sequence[str] = (),
        file: str | Path | None = None,
    ) -> None:
        if not templates:
            raise ValueError("templates must hold at least one sentence, such as '{}'")
        for template in (*templates, *verb_templates, *object_templates):
            if template.count('{}') != 1 or template.replace('{}', '').strip('{') != (
                template.replace('{}', '')
            ):
                raise ValueError(f'a template must have one {{}} for the query, got {template!r}')
        self.templates = tuple(templates)
        self.verb_templates = tuple(verb_templates)
        self.object_templates = tuple(object_templates)
        self.null_prompts = tuple(null_prompts)
        self.entries: Mapping[str, PromptEntry] = read_prompt_file(file) if file else {}

    def __call__(self, query: str) -> QueryPrompts:
        """Return the sentences that stand for a query."""
        entry = self.entries.get(query.strip(), PromptEntry())
        verb, _, rest = query.strip().partition(' ')
        verb = verb if entry.verb is None else entry.verb.strip()
        rest = rest.strip() if entry.object is None else entry.object.strip()
        return QueryPrompts(
            (*_filled(self.templates, query.strip()), *entry.descriptions),
            _filled(self.verb_templates, verb) if verb else (),
            _filled(self.object_templates, rest) if rest else (),
        )


def _filled(templates: Sequence[str], text: str) -> tuple[str, ...]:
    return tuple(template.replace('{}', text) for template in templates)
