"""What the tabs of the page have in common: components of our own, messages, progress."""

import functools
from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from stgr.demo_page.view import Json
from stgr.visualization.curve_script import CURVE_SCRIPT

ASSETS = Path(__file__).parent / 'assets'
ONE_AT_A_TIME = {
    'concurrency_limit': 1, 'concurrency_id': 'model', 'api_visibility': 'private',
}  # fmt: skip


def import_gradio() -> Any:
    """Return the ``gradio`` module, imported on first use.

    Raises:
        ImportError: If it is not installed; the message is the command that installs it.
    """
    try:
        import gradio
    except ImportError as error:
        raise ImportError(
            f"stgr demo needs Gradio ({error}); install it with: pip install 'stgr[demo]'"
        ) from error
    return gradio


def add_html(value: Json, name: str, functions: Sequence[Callable[..., Any]] = ()) -> Any:
    """Add a component of our own, of the three files of its name.

    Args:
        value: What it shows at first.
        name: Of its files and its element.
        functions: What its script may call, by their names.
    """
    html, css, js = (
        (ASSETS / f'{name}.{kind}').read_text(encoding='utf-8') for kind in ('html', 'css', 'js')
    )
    return import_gradio().HTML(
        value,
        html_template=html,
        css_template=css,
        js_on_load=CURVE_SCRIPT + js,
        apply_default_css=False,
        server_functions=[_plain(function) for function in functions],
        elem_id=name,
    )


def say(message: str, *, about: str = '') -> str:
    """Return a message for the place beside a field, read out by screen readers.

    It gets a capital, unless it begins with the name of the file it is about.
    """
    named = about and message.startswith(about)
    return f'<p role="alert">{escape(message if named else message[:1].upper() + message[1:])}</p>'


def told(progress: Any, what: str) -> Callable[[Iterable[Any], int], Iterable[Any]]:
    """Return a wrapper of iterables that tells Gradio how far they have come."""

    def wrap(items: Iterable[Any], total: int) -> Iterable[Any]:
        for done, item in enumerate(items):
            progress(done / max(total, 1), desc=what)
            yield item

    return wrap


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function in place of a method: Gradio marks what it is given, by an attribute."""

    @functools.wraps(function)
    def call(*given: Any) -> Any:
        return function(*given)

    return call
