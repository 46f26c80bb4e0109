"""Files of other tools: write answers for them, and read what people made of them.

Every format is a module with ``write`` and mostly ``read``; ``FORMATS`` is the table of them and
``docs/export.md`` says what each holds.
"""

from stgr.io.formats.known_videos import KnownVideos
from stgr.io.formats.table import FORMATS, Format, find_format

__all__ = ['FORMATS', 'Format', 'KnownVideos', 'find_format']
