"""Time and peak memory of the local head's all-pairs score, forward and backward, by form.

``released`` copies regions and words to (B, B, R, L, D) and multiplies them, as the released code
does; ``naive`` broadcasts them instead, so that autograd keeps no copies (the oracle of the tests);
``matmul`` keeps (B, B, R, D) tensors but uses matrix products and fused attention, the honest
rival; ``word`` is the library's word space; ``chunked`` is the same, two videos at a time,
computed again in the backward pass (which loads torch modules of about 70 MiB). Every round times
all forms once, one after the other, and ratios are taken within a round: median (min-max). Peak
memory is the growth of the resident set of a fresh process that runs one step.

    python benchmarks/local_head.py
    python benchmarks/local_head.py --clips 8 --frames 16 --rounds 1 --out large.csv
    python benchmarks/local_head.py --clips 64 --frames 16 --forms word --out batch_64.csv
"""

import argparse
import importlib.util
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from _recording import RESULTS, environment, record
from einops import rearrange, repeat

from stgr.models.heads import CrossSelfCrossHead

ROOT = Path(__file__).resolve().parents[1]
PATCHES = 49  # ViT-B/32 at 224 px
DIM = 512
# On a busy machine only processor seconds of one thread mean anything.
CLOCKS = {'wall': time.perf_counter, 'cpu': time.process_time}


def load_oracle():
    """Return the module of the naive form, which lives with the tests."""
    path = ROOT / 'tests' / 'models' / 'heads' / 'pairwise_oracle.py'
    spec = importlib.util.spec_from_file_location('pairwise_oracle', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def score_naive(head, patches, words, word_mask, repeated=False):
    """Score with (B, B, R, L, D) products."""
    region_mask = torch.ones(patches.shape[:2], dtype=torch.bool)
    return load_oracle().score_pairwise(
        head, patches, words, region_mask, word_mask, repeated=repeated
    )


def score_matmul(head, patches, words, word_mask):
    """Score with (B, B, R, D) and (B, B, L, D) tensors, matrix products and fused attention."""
    clips, scale = len(patches), head.dim**-0.5
    video, text = head.project_video(patches), head.project_text(words)
    scores = torch.einsum('ird,jld->ijrl', video, text) * scale
    mask = word_mask[None, :, None, :]
    of_words = scores.masked_fill(~mask, -torch.inf).softmax(-1)
    new_video = torch.einsum('ijrl,jld->ijrd', of_words, text)
    new_text = torch.einsum('ijrl,ird->ijld', scores.softmax(-2), video)
    video = new_video + self_attend(new_video, head.video_attention, None)
    keys = repeat(word_mask, 'j l -> (i j) 1 1 l', i=clips)
    text = new_text + self_attend(new_text, head.text_attention, keys)
    scores = video @ text.transpose(-1, -2) * scale
    new_video = video + scores.masked_fill(~mask, -torch.inf).softmax(-1) @ text
    new_text = text + scores.softmax(-2).transpose(-1, -2) @ video
    weights = word_mask / word_mask.sum(-1, keepdim=True)
    pooled_text = (new_text * weights[None, :, :, None]).sum(2)
    return (new_video.mean(2) * pooled_text).sum(-1)


def self_attend(tokens, attention, mask):
    """Return the single-head self-attention of (B, B, K, D) tokens by the fused kernel."""
    flat = rearrange(tokens, 'i j k d -> (i j) 1 k d')
    query, key, value = F.linear(flat, attention.in_proj_weight, attention.in_proj_bias).chunk(
        3, -1
    )
    mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    return attention.out_proj(mixed).view_as(tokens)


FORMS = {
    'released': lambda head, patches, words, mask: score_naive(head, patches, words, mask, True),
    'naive': score_naive,
    'matmul': score_matmul,
    'word': lambda head, patches, words, mask: head.scores(patches, words, None, mask),
    'chunked': lambda head, patches, words, mask: head.scores(patches, words, None, mask, chunk=2),
}


def make_problem(args):
    """Return a head and random features; every word is real, the slowest case."""
    torch.manual_seed(0)
    head = CrossSelfCrossHead(DIM, DIM, DIM)
    patches = torch.randn(args.clips, args.frames * PATCHES, DIM)
    words = torch.randn(args.clips, args.words, DIM)
    return head, patches, words, torch.ones(args.clips, args.words, dtype=torch.bool)


def step(form, problem, clock=time.perf_counter):
    """Run forward and backward once and return the seconds."""
    head = problem[0]
    head.zero_grad()
    started = clock()
    FORMS[form](*problem).log_softmax(1).diagonal().mean().backward()
    return clock() - started


def peak_mib():
    """Return the largest resident set of this process so far (Linux).

    Not ``getrusage``, whose maximum a child inherits from the process that started it.
    """
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith('VmHWM:'):
            return int(line.split()[1]) / 1024
    raise RuntimeError('/proc/self/status has no VmHWM; peak memory needs Linux')


def measure_memory(form, args):
    """Return the peak memory of one step in a fresh process, in MiB above the inputs."""
    command = [sys.executable, __file__, '--peak-of', form]
    for name in ('clips', 'frames', 'words', 'threads'):
        command += [f'--{name}', str(getattr(args, name))]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(args):
    """Return one row per form: seconds, ratios to the library's form, peak memory."""
    problem = make_problem(args)
    clock = CLOCKS[args.clock]
    for form in args.forms:
        if form not in ('released', 'naive'):  # too slow to need a warm-up
            step(form, problem)
    rounds = [{form: step(form, problem, clock) for form in args.forms} for _ in range(args.rounds)]
    rows = []
    for form in args.forms:
        ratios = [times[form] / times['word'] for times in rounds]
        rows.append(
            {
                'form': form,
                'B': args.clips,
                'T': args.frames,
                'L': args.words,
                'D': DIM,
                'rounds': args.rounds,
                'seconds': round(statistics.median(times[form] for times in rounds), 4),
                'times_word': round(statistics.median(ratios), 2),
                'times_word_min': round(min(ratios), 2),
                'times_word_max': round(max(ratios), 2),
                'peak_mib': round(measure_memory(form, args)),
            }
        )
    return rows


def report(rows, args):
    """Print the tables and write them as one CSV."""
    for row in rows:
        print(
            f'B={row["B"]} T={row["T"]} L={row["L"]} {row["form"]:>8}: {row["seconds"]:8.3f} s, '
            f'{row["times_word"]:6.1f} ({row["times_word_min"]:.1f}-{row["times_word_max"]:.1f}) '
            f'times word space, peak {row["peak_mib"]} MiB'
        )
    settings = {'threads': args.threads, 'clock': args.clock, **environment('torch')}
    record(args.out, rows, settings)


def parse_args():
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--clips', type=int, default=4)
    parser.add_argument('--frames', type=int, default=8)
    parser.add_argument('--words', type=int, default=20)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--clock', choices=CLOCKS, default='cpu')
    parser.add_argument('--out', type=Path, default=RESULTS / 'local_head.csv')
    parser.add_argument('--forms', nargs='+', choices=FORMS, default=list(FORMS))
    parser.add_argument('--peak-of', choices=FORMS, help='internal: print one peak and leave')
    args = parser.parse_args()
    if 'word' not in args.forms:
        parser.error('--forms must include word, which the others are compared with')
    return args


def main():
    """Measure as the command line says."""
    args = parse_args()
    torch.set_num_threads(args.threads)
    if args.peak_of:
        problem = make_problem(args)
        before = peak_mib()
        step(args.peak_of, problem)
        print(peak_mib() - before)
        return
    report(measure(args), args)


if __name__ == '__main__':
    main()
