"""What ``stgr ground`` costs with a model on the CPU: processor seconds and peak memory.

A generated video of each length is grounded in fresh processes, everything included: start,
decoding, encoder, heat maps, overlay and report. The cost of a minute of video is the difference
between the lengths, so starting is not in it. Linux and macOS only.

    python benchmarks/model_cost.py ours_tiny
    python benchmarks/model_cost.py ours_clip --random-vit 32

With ``--random-vit PATCH`` the model stands on a CLIP of ViT-B's size with random weights, as
computing takes no longer with learnt ones, and every frame is found: the dearest case.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from _recording import RESULTS, Row, environment, record
from grounding_memory import make_video

MIB = 2**20
RSS_UNIT = 1 if sys.platform == 'darwin' else 1024


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('model', nargs='?', default='ours_tiny', help='model name (ours_tiny)')
    parser.add_argument('--random-vit', type=int, metavar='PATCH', help='a random ViT-B/PATCH')
    parser.add_argument('--minutes', type=int, nargs=2, default=(1, 4), metavar=('SHORT', 'LONG'))
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--out', type=Path, help='CSV (benchmarks/results/model_cost_MODEL.csv)')
    arguments = parser.parse_args()
    os.environ['OMP_NUM_THREADS'] = str(arguments.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = ['--model', arguments.model]
        if arguments.random_vit:
            model = random_model(arguments.model, arguments.random_vit, folder)
        videos = [folder / f'{minutes}.mp4' for minutes in arguments.minutes]
        queries = [make_video(*pair) for pair in zip(videos, arguments.minutes, strict=True)]
        rows: list[Row] = []
        for number in range(arguments.rounds):
            runs = [ground(*pair, model, folder) for pair in zip(videos, queries, strict=True)]
            rows.append({'round': number, **cost(runs, arguments.minutes)})
    settings = {'model': arguments.model, 'threads': arguments.threads}
    out = arguments.out or RESULTS / f'model_cost_{arguments.model.replace("/", "_")}.csv'
    record(out, rows, settings | environment('torch', 'transformers', 'av'))
    for key in ('start_cpu_s', 'cpu_s_per_video_minute', 'peak_mib'):
        values = [float(str(row[key])) for row in rows]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        print(f'{key}: {statistics.mean(values):.1f} ± {spread:.1f}')


def random_model(name: str, patch: int, folder: Path) -> list[str]:
    """Write a model on a random ViT-B; return the options that choose it."""
    import shutil

    import torch
    from safetensors.torch import save_file
    from transformers import AutoTokenizer, CLIPConfig, CLIPModel

    from stgr.apis.model_hub import load_config
    from stgr.io.bundled import bundled_path
    from stgr.registry import MODELS

    torch.manual_seed(0)
    clip = folder / 'clip'
    tokenizer = AutoTokenizer.from_pretrained(bundled_path('stgr://clip_tiny'))
    marks = {'bos_token_id': tokenizer.bos_token_id, 'eos_token_id': tokenizer.eos_token_id}
    text = {'vocab_size': len(tokenizer), 'pad_token_id': tokenizer.pad_token_id, **marks}
    CLIPModel(CLIPConfig(text_config=text, vision_config={'patch_size': patch})).save_pretrained(
        clip
    )
    for file in bundled_path('stgr://clip_tiny').glob('tokenizer*'):
        shutil.copy(file, clip)
    config = load_config(name, overrides=[f'model.backbone.source={clip}', 'model.threshold=-1.0'])
    config.dump(folder / 'model.py')
    save_file(MODELS.build(config.model).state_dict(), folder / 'model.safetensors')
    return ['--model', str(folder / 'model.py'), '--weights', str(folder / 'model.safetensors')]


def ground(video: Path, query: str, model: list[str], folder: Path) -> tuple[float, float]:
    """Ground an action that happens and one that does not; return CPU seconds and peak MiB."""
    command = [sys.executable, '-m', 'stgr.cli', 'ground', str(video), '--device', 'cpu', '--fresh']
    command += ['--query', query, '--query', 'fly a kite', '--out', str(folder / 'answer'), *model]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f'{" ".join(command)} ended with status {process.returncode}')
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * RSS_UNIT / MIB


def cost(runs: list[tuple[float, float]], minutes: tuple[int, int]) -> Row:
    """Return start, cost of a minute and peak from the runs on the short and the long video."""
    (short_sec, _), (long_sec, peak_mib) = runs
    per_minute = (long_sec - short_sec) / (minutes[1] - minutes[0])
    return {
        'start_cpu_s': round(short_sec - minutes[0] * per_minute, 2),
        'cpu_s_per_video_minute': round(per_minute, 2),
        'peak_mib': round(peak_mib),
    }


if __name__ == '__main__':
    main()
