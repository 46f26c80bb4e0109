"""``stgr demo``: a page to ask about videos."""

import argparse
import threading
from contextlib import suppress
from pathlib import Path

from stgr.commands.base import Commands, say


def add_to(commands: Commands) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser('demo', help='a local page to ask about videos')
    parser.add_argument('--model', default='ours_tiny', help='model name or config (ours_tiny)')
    parser.add_argument('--weights', type=Path, metavar='FILE', help='checkpoint of the model')
    parser.add_argument('--videos', type=Path, metavar='DIR', help='folder of videos to pick from')
    parser.add_argument('--port', type=int, default=0, help='of the page (a free one)')
    parser.add_argument('--fps', type=float, help="evaluated per second (the config's, or 2)")
    parser.add_argument('--device', help='cpu or cuda (a GPU if there is one)')
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    from stgr.apis.grounder import Grounder
    from stgr.demo_page.page import import_gradio
    from stgr.demo_page.server import DemoServer

    import_gradio()  # before the model is loaded
    grounder = Grounder(args.model, weights=args.weights, device=args.device, rate_fps=args.fps)
    with DemoServer(grounder, videos=args.videos, port=args.port) as server:
        say(f'Open {server.url}')
        say('Nothing leaves this computer; Ctrl-C ends.')
        with suppress(KeyboardInterrupt):
            threading.Event().wait()  # the server has threads of its own
