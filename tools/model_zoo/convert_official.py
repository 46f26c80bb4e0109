"""Turn the authors' released weight files into ours, every tensor accounted for.

    python tools/model_zoo/convert_official.py clip finetuned_CLIP_howto.pth.tar \
        weights/clip_howto --tokenizer openai/clip-vit-base-patch32
    python tools/model_zoo/convert_official.py heads GroundingWeights.pth.tar \
        weights/released.safetensors --clip weights/clip_howto
    python tools/model_zoo/convert_official.py s3d s3d_howto100m.pth weights/s3d

A name that is missing or left over is an error that lists both, and nothing is written.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from stgr.apis.user_errors import run_command


def main(argv: Sequence[str] | None = None) -> int:
    """Convert one file, print what was taken and written, and return the exit status."""
    args = _parser().parse_args(argv)
    return run_command(lambda: _report(args.convert(args)))


def _report(lines: Sequence[str]) -> None:
    for line in lines:
        print(line, file=sys.stderr if line.startswith('WARNING') else sys.stdout)


def _heads(args: argparse.Namespace) -> list[str]:
    from stgr.apis.official_weights import convert_grounding_weights

    return convert_grounding_weights(
        args.source,
        args.out,
        clip=args.clip,
        config=args.config,
        like_released_loader=args.like_released_loader,
    )


def _clip(args: argparse.Namespace) -> list[str]:
    from stgr.apis.official_weights import convert_openai_clip

    return convert_openai_clip(args.source, args.out, tokenizer=args.tokenizer, ignore=args.ignore)


def _s3d(args: argparse.Namespace) -> list[str]:
    from stgr.apis.official_weights import convert_milnce_s3d

    return convert_milnce_s3d(args.source, args.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kinds = parser.add_subparsers(required=True, metavar='KIND')

    heads = kinds.add_parser('heads', help='GroundingWeights.pth.tar: a checkpoint of a grounder')
    _files(heads, 'checkpoint, .safetensors', _heads)
    heads.add_argument('--clip', required=True, help='folder or hub name of the CLIP they fit')
    heads.add_argument('--config', default='ours_clip_release', help='config of the same heads')
    heads.add_argument(
        '--like-released-loader',
        type=int,
        metavar='SEED',
        help='leave the visual self-attention random, as the released evaluation does',
    )

    clip = kinds.add_parser('clip', help='finetuned_CLIP_howto.pth.tar: a CLIP of transformers')
    _files(clip, 'folder, new or empty', _clip)
    clip.add_argument('--tokenizer', required=True, help='folder or hub name of its tokenizer')
    clip.add_argument(
        '--ignore',
        action='append',
        default=[],
        metavar='PATTERN',
        help="names to leave out, such as 'optimizer.*'; can be given again",
    )

    s3d = kinds.add_parser('s3d', help='s3d_howto100m.pth: a backbone and its global head')
    _files(s3d, 'folder', _s3d)
    return parser


def _files(parser: argparse.ArgumentParser, what: str, convert: object) -> None:
    parser.add_argument('source', type=Path, metavar='FILE', help='the released file')
    parser.add_argument('out', type=Path, metavar='OUT', help=what)
    parser.set_defaults(convert=convert)


if __name__ == '__main__':
    sys.exit(main())
