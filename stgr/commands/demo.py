"""``stgr demo``: a page to ask about videos."""

import argparse
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from stgr.commands.base import Commands, say

if TYPE_CHECKING:
    from stgr.apis.grounder import Grounder
    from stgr.search import SearchIndex


def add_to(commands: Commands) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser('demo', help='a local page to ask about videos')
    parser.add_argument('--videos', type=Path, metavar='DIR', help='folder of videos to pick from')
    parser.add_argument('--model', help='model name, config, saved folder or hub name (ours_tiny)')
    parser.add_argument('--weights', type=Path, metavar='FILE', help='checkpoint of the model')
    parser.add_argument(
        '--method', default='trained', help='trained, or gem: any image-text model, untrained'
    )
    parser.add_argument(
        '--prompts', type=Path, metavar='FILE', help='descriptions, verbs and objects, for gem'
    )
    parser.add_argument(
        '--index', type=Path, metavar='DIR', help='to search too, of stgr index; its model answers'
    )
    parser.add_argument('--fps', type=float, help="evaluated per second (the config's, or 2)")
    parser.add_argument('--port', type=int, default=0, help='of the page (a free one)')
    parser.add_argument('--device', help='cpu or cuda (a GPU if there is one)')
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    from stgr.demo_page.gradio_parts import import_gradio
    from stgr.demo_page.server import DemoServer
    from stgr.demo_page.videos import VideoFolder
    from stgr.io.json_http import free_port

    import_gradio()  # what is wrong is said before the model is loaded
    VideoFolder(args.videos)
    free_port(args.port)
    with ExitStack() as stack:
        if args.index is None:
            grounder, index = _grounder(args), None
        else:
            index = stack.enter_context(_open_index(args))
            grounder = index.grounder
        server = stack.enter_context(
            DemoServer(grounder, videos=args.videos, index=index, port=args.port)
        )
        say(f'Open {server.url}')
        say('Nothing leaves this computer; Ctrl-C ends.')
        _wait_for_ctrl_c()


def _wait_for_ctrl_c() -> None:
    """Do nothing: the server has threads of its own."""
    with suppress(KeyboardInterrupt):
        threading.Event().wait()


def _open_index(args: argparse.Namespace) -> 'SearchIndex':
    """Return the index with the model it names, or with the one asked for, if it is the same."""
    from stgr.search import SearchIndex

    asked = args.model or args.weights or args.prompts or args.method != 'trained'
    grounder = _grounder(args) if asked else None
    return SearchIndex.open(args.index, grounder=grounder, device=args.device, rate_fps=args.fps)


def _grounder(args: argparse.Namespace) -> 'Grounder':
    from stgr.apis.grounder import Grounder

    return Grounder(
        args.model,
        weights=args.weights,
        method=args.method,
        prompts=args.prompts,
        device=args.device,
        rate_fps=args.fps,
    )
