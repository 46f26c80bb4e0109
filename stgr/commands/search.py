"""``stgr search``: find moments in a library of videos."""

import argparse
import sys
from pathlib import Path

from stgr.commands.base import Commands, say


def add_to(commands: Commands) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser('search', help='find moments in a library of videos')
    parser.add_argument('queries', nargs='+', metavar='TEXT', help='what to look for')
    parser.add_argument(
        '--index', type=Path, default=Path('stgr_index'), metavar='INDEX',
        help='folder that stgr index made (stgr_index)',
    )  # fmt: skip
    parser.add_argument('--top', type=int, default=10, help='most moments of a text (10)')
    parser.add_argument('--threshold', type=float, help="instead of the model's calibrated one")
    parser.add_argument(
        '--all', action='store_true', help='show the best moments even below the threshold'
    )
    parser.add_argument(
        '--no-places', action='store_true', help='only when, from the index alone: no decoding'
    )
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the answers there')
    parser.add_argument('--page', type=Path, metavar='HTML', help='write a page with pictures')
    parser.add_argument('--model', help="model name or config (the index's)")
    parser.add_argument('--weights', type=Path, metavar='FILE', help="checkpoint (the index's)")
    parser.add_argument('--device', help='cpu or cuda (a GPU if there is one)')
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    from stgr.apis.inferencer import check_queries
    from stgr.apis.progress import bar
    from stgr.search.answer_files import answer_lines, write_answers
    from stgr.search.page import write_page
    from stgr.search.search_index import SearchIndex

    check_queries(args.queries)  # before the model is loaded
    with SearchIndex.open(
        args.index, model=args.model, weights=args.weights, device=args.device
    ) as index:
        facts = index.grounder.facts
        if facts.notice:
            sys.stderr.write(f'NOTE: {facts.notice}\n')
        answers = index.search(
            args.queries,
            top=args.top,
            threshold=args.threshold,
            everything=args.all,
            places=not args.no_places,
            progress=bar('looking at moments'),
        )
        for answer in answers:
            for line in answer_lines(answer):
                say(line)
        for path, write in ((args.json, write_answers), (args.page, write_page)):
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                write(path, answers, index.manifest, facts)
                say(f'wrote {path}')
