"""Sphinx's settings: ``make docs`` builds the manual into ``build/docs``."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import stgr  # noqa: E402

project = 'stgr'
author = 'The stgr contributors'
copyright = author
version = release = stgr.__version__

extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon']
exclude_patterns = ['images']
html_theme = 'furo'
html_title = f'stgr {version}'
html_show_sphinx = False
html_copy_source = False

myst_heading_anchors = 3
myst_enable_extensions = ['colon_fence']
autodoc_typehints = 'signature'
autodoc_member_order = 'bysource'
autodoc_default_options = {'members': True, 'exclude-members': 'Any'}
napoleon_numpy_docstring = False
napoleon_use_ivar = True

_LINK_OUT = re.compile(r'\[([^\]]+)\]\(\.\./[^)]*\)')


def _keep_links_inside(app: object, name: str, source: list[str]) -> None:
    """Lead to the zoo's page inside the manual, and nowhere where a page links out of it."""
    del app, name
    source[0] = _LINK_OUT.sub(r'\1', source[0].replace('](../model_zoo.md', '](zoo.md'))


def setup(app: object) -> None:
    """Register the change of links."""
    app.connect('source-read', _keep_links_inside)  # type: ignore[attr-defined]
