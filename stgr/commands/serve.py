"""``stgr serve``: a model that answers over HTTP."""

import argparse
from pathlib import Path

from stgr.commands.base import Commands, say


def add_to(commands: Commands) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser('serve', help='answer over HTTP about the videos of a folder')
    parser.add_argument('root', type=Path, metavar='DIR', help='folder of the videos')
    parser.add_argument(
        '--model', help='name, config, saved or converted folder, or hub name (ours_tiny)'
    )
    parser.add_argument('--method', default='trained', help='trained, or gem')
    parser.add_argument('--weights', type=Path, metavar='FILE', help='checkpoint of the model')
    parser.add_argument('--device', help='cpu or cuda (a GPU if there is one)')
    parser.add_argument('--host', default='127.0.0.1', help='address to listen on')
    parser.add_argument('--port', type=int, default=8000, help='0: a free one')
    parser.add_argument('--keep', type=int, default=8, metavar='N', help='videos kept encoded')
    parser.add_argument('--max-minutes', type=float, default=120.0, help='longest video')
    parser.add_argument(
        '--reader', default='isolated', help='isolated: a decoder that hangs is stopped after 60 s'
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    import os
    import signal
    import sys

    from stgr.apis.grounder import Grounder
    from stgr.apis.serving import GroundingDesk, GroundingServer, ServingLimits
    from stgr.io.json_http import free_port

    free_port(args.port, args.host)  # what is wrong is said before the model is loaded
    limits = ServingLimits(keep=args.keep, max_minutes=args.max_minutes)
    grounder = Grounder(
        args.model,
        weights=args.weights,
        method=args.method,
        device=args.device,
        reader=args.reader,
    )
    desk = GroundingDesk(grounder, args.root, limits)
    token = os.environ.get('STGR_SERVE_TOKEN') or None
    with GroundingServer(desk, host=args.host, port=args.port, token=token) as server:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: close what is kept
        say(f'{server.url}/ground answers about {desk.root}; Ctrl-C ends it')
        sys.stdout.flush()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say('stopped')
