"""The base of all transforms: says which keys it needs and which it adds, and checks both."""

import difflib
from abc import abstractmethod
from typing import Any, ClassVar

from mmcv.transforms import BaseTransform


class ClipTransform(BaseTransform):
    """A step of a pipeline on the dict of one clip or video.

    Subclasses declare ``required_keys`` and ``added_keys`` and implement ``apply``.
    """

    required_keys: ClassVar[tuple[str, ...]] = ()
    added_keys: ClassVar[tuple[str, ...]] = ()

    def transform(self, results: dict[str, Any]) -> dict[str, Any] | None:
        """Return the clip with ``added_keys``, None if this clip cannot be used.

        The dict given is not modified.

        Raises:
            KeyError: If a required key is missing; transform and key are named.
        """
        for key in self.required_keys:
            if key not in results:
                raise KeyError(self.missing(key, results))
        added = self.apply(results)
        if added is None:
            return None
        assert all(key in added for key in self.added_keys), f'{self} adds {self.added_keys}'
        return self.merge(results, added)

    @abstractmethod
    def apply(self, results: dict[str, Any]) -> dict[str, Any] | None:
        """Return what this step adds to the clip, None if the clip cannot be used."""

    def merge(self, results: dict[str, Any], added: dict[str, Any]) -> dict[str, Any]:
        """Return the clip after this step."""
        return {**results, **added}

    def missing(self, key: str, results: dict[str, Any]) -> str:
        """Return the message for a key that is not there."""
        near = difflib.get_close_matches(key, results, n=3)
        hint = f'near ones: {", ".join(near)}' if near else f'there are: {", ".join(results)}'
        return f'{type(self).__name__} needs the key {key!r}, which no earlier step gave ({hint})'
