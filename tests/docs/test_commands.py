"""The blocks of the manual are run, in order, in a folder with small inputs of the same names.

What cannot be run here stands in ``NOT_RUN`` with the reason and, where there is one, the test that
runs it otherwise; ``test_command_syntax.py`` checks those, too, against their programs' parsers.
"""

import fnmatch
import runpy
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path
from unittest import mock

import pytest
from doc_pages import PAGES, ROOT, SHELLS, blocks_of, commands_of, name_of, typed_lines

from stgr.apis.model_hub import load_config

# The first pattern (fnmatch) that a line of a page matches says why it is not run.
NOT_RUN = {
    'make *': 'makes environments; CI runs make test, tests/apis/test_demo.py the demo',
    'git clone *': 'needs the network',
    'pip install *': 'needs the network; the extras are checked',
    'tools/dist_train.sh *': 'HowTo100M and four GPUs; tests/engine/test_tools.py starts it',
    'sbatch *': 'a cluster; tests/engine/test_slurm_script.py',
    'srun *': 'a cluster; tests/apis/test_extract_store.py',
    'mpirun *': 'several machines; tests/engine/test_distributed.py',
    'torchrun *': 'eight GPUs; tests/apis/test_extract_store.py',
    '* --device cuda *': 'a GPU',
    'stgr extract ours_clip_cached*': 'HowTo100M; tests/apis/test_extract.py',
    'python tools/model_zoo/convert_official.py *': 'the released files; '
    'tests/tools/test_convert_official.py',
    'python tools/test.py ours_clip_release *': 'the released files; '
    'tests/apis/official_weights/test_grounding_weights.py',
    'stgr ground * --model configs/released.py *': 'the released files, as above',
    'stgr annotate *': 'serves until it is stopped; tests/annotation/test_annotate_command.py',
    'stgr prepare *': 'a folder of narrated videos; tests/apis/test_prepare.py, the notebook',
    'stgr train *': 'hours; tests/apis/test_own_training.py, the notebook',
    'stgr ground NEW.mp4 *': 'the trained model; tests/apis/test_own_training.py',
    'stgr make-tiny-kitchen tk*': '20 and 100 videos',
    'python tools/make_own_videos.py *': 'as above; tests/tools/test_make_own_videos.py',
    'stgr demo *': 'serves until it is stopped; tests/demo_page/test_demo_command.py',
    'stgr serve *': 'serves until it is stopped; tests/apis/serving/test_server.py',
    'curl *': 'asks stgr serve, as above',
    'docker *': 'no Docker engine in CI; its script is tested',
    'stgr convert *': 'an extra; tests/apis/conversion/test_convert.py',
    'stgr ground * --model ours_tiny_int8 *': 'what stgr convert made',
    'python benchmarks/*': 'minutes to hours; make bench runs what takes minutes',
    'python tools/ablate.py *': 'hours of training; tests/apis/test_comparison.py',
    'stgr calibrate *': 'two validation videos, so twenty in all; tests/apis/test_calibration.py',
}
# What is run at another size or with another model than the page has.
SMALLER = {
    '--videos 200': '--videos 4',
    '--videos 40 ': '--videos 4 ',
    'epoch_8.pth': 'epoch_1.pth',
    'extract ours_clip ': 'extract ours_tiny ',
    '--method gem --model google/siglip2-base-patch16-224': '--method gem --model deep_clip',
    '--method gem': '--method gem --model deep_clip',
    "'openai/clip-vit-base-patch16'": "'deep_clip'",
    'tools/train.py configs/ours_tiny.py': 'tools/train.py configs/ours_tiny.py --cfg-options '
    'train_cfg.max_epochs=1 train_cfg.val_interval=1 custom_hooks.0.interval=1 '
    'train_dataloader.batch_size=4',
}
# A block with one of these needs TinyKitchen, which takes a while.
SLOW = (
    'tiny_kitchen',
    'ours_tiny.py',
    'extract ours_tiny',
    'gem_tiny.py',
    'tiny-kitchen kitchen',
    'tiny-kitchen other',
)
# Python that lacks what stands around it: a fragment of a config, or lines before it.
CONFIG = 'a fragment of a config'
CONFIG_HEAD = """
from mmengine.config import read_base
with read_base():
    from .{base} import *
from stgr.datasets import ReadableVideos
from stgr.models.selectors import TopKSelector
"""
NAMES_ONLY = 'compiled, and what it imports is there'
ELSEWHERE = 'run by another test'
AROUND = {
    'features.nearest(times_sec)': 'import numpy as np; times_sec, chosen = np.arange(2.0), [0]',
    'with StoreWriter(': """
        from pathlib import Path
        from stgr.apis.build import build_grounder
        from stgr.apis.feature_extraction import VideoEncoder
        from stgr.io.store_writer import StoreWriter
        encoder = VideoEncoder(build_grounder('ours_tiny', device='cpu')[0], rate_fps=1)
        store, videos = 'other_store', [('kitchen', Path('kitchen.mp4'))]
        """,
    "launcher='ray'": NAMES_ONLY,  # starts a cluster; tests/apis/test_ray_extraction.py
    "torch.load('FILE'": "import torch; torch.save({'state_dict': {}}, 'FILE')",
    'detections = to_supervision(': NAMES_ONLY,  # an extra; tests/apis/test_to_supervision.py
    'push_to_hub': NAMES_ONLY,  # the network; tests/apis/test_pretrained.py
    'from my_parts import': ELSEWHERE,  # test_extending.py
    'with read_base()': CONFIG,
    'model.selector =': CONFIG,
    'train_cfg = dict(by_epoch': CONFIG,
    'custom_hooks = [dict(type=': CONFIG,
    'custom_hooks.append(dict(type=': CONFIG,
    'test_dataloader.dataset =': CONFIG,
}


def _is_slow(block):
    return any(mark in block.text for mark in SLOW)


def _pages(*, slow):
    wanted = [p for p in PAGES if any(_is_slow(b) == slow and _runs(b) for b in blocks_of(p))]
    return pytest.mark.parametrize('page', wanted, ids=name_of)


def _runs(block):
    if block.language == 'python':
        return True
    return block.language in SHELLS and any(not reason(line) for line in typed_lines(block))


def reason(line):
    """Return why a line is not run, or None."""
    line = ' '.join(line.replace('\\\n', ' ').split())
    return next((why for glob, why in NOT_RUN.items() if fnmatch.fnmatch(line, glob)), None)


@_pages(slow=False)
def test_page_runs(page, small_inputs):
    _run_page(page, slow=False)


@pytest.mark.slow
@pytest.mark.timeout(900)
@_pages(slow=True)
def test_page_runs_on_tiny_kitchen(page, small_inputs, tiny_kitchen):
    (small_inputs / 'data' / 'tiny_kitchen').symlink_to(tiny_kitchen)
    _run_page(page, slow=True)


@pytest.fixture(scope='module')
def tiny_kitchen(tmp_path_factory):
    from stgr.cli import main

    folder = tmp_path_factory.mktemp('world') / 'tiny_kitchen'
    assert main(['make-tiny-kitchen', str(folder), '--videos', '4', '--seed', '0']) == 0
    return folder


def test_every_reason_is_still_needed():
    lines = [
        ' '.join(line.replace('\\\n', ' ').split())
        for page in PAGES
        for block in blocks_of(page)
        if block.language in SHELLS
        for line in typed_lines(block)
    ]
    stale = [glob for glob in NOT_RUN if not fnmatch.filter(lines, glob)]
    assert not stale
    text = '\n'.join(page.read_text() for page in PAGES)
    assert not [old for old in SMALLER if old not in text]


def _run_page(page, *, slow):
    names = {'__name__': 'page'}
    for block in blocks_of(page):
        if _is_slow(block) != slow:
            continue
        if block.language in SHELLS:
            for line in typed_lines(block):
                if not reason(line):
                    _run_line(block, _smaller(line))
        elif block.language == 'python':
            _run_python(block, names)


def _smaller(text):
    for old, new in SMALLER.items():
        if old in text:
            text = text.replace(old, new, 1)
            break
    return text


def _run_line(block, line):
    """Run a command of ours in this process, which has its packages, and others by the shell."""
    from stgr.cli import main

    words = shlex.split(line.replace('\\\n', ' '), comments=True)
    plain = not {'|', '>', '&&', ';'} & set(words)
    if plain and words[0] == 'stgr':
        status = _status_of(lambda: main(words[1:]))
    elif plain and words[0] == 'python' and words[1].endswith('.py'):
        with mock.patch.object(sys, 'argv', words[1:]):
            status = _status_of(lambda: runpy.run_path(words[1], run_name='__main__'))
    else:
        status = subprocess.run(['bash', '-euc', line], check=False, timeout=600).returncode
    assert status == 0, f'{block.place}: {line} ended with {status}'


def _status_of(run):
    try:
        status = run()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)  # a message: 1
    return status if isinstance(status, int) else 0


def _run_python(block, names):
    before = next((value for mark, value in AROUND.items() if mark in block.text), '')
    text = _smaller(block.text)
    if before == CONFIG:
        _load(text)
        return
    if before == ELSEWHERE:
        return
    if before == NAMES_ONLY:
        compile(text, block.place, 'exec')
        imports = [line for line in text.splitlines() if line.startswith(('from ', 'import '))]
        text, before = '\n'.join(imports), ''
    exec(compile(textwrap.dedent(before), 'what stands around it', 'exec'), names)
    exec(compile(text, block.place, 'exec'), names)


def _load(text):
    """Load a fragment of a config as one that is derived from ours."""
    own = 'read_base()' in text
    head = '' if own else CONFIG_HEAD.format(base='ours_tiny')
    path = Path('configs') / 'fragment.py'
    path.write_text(head + text)
    load_config(path)


def test_commands_are_found():
    """Enough of them: a reader of pages that finds nothing would let everything pass."""
    blocks = [b for page in PAGES for b in blocks_of(page) if b.language in SHELLS]
    found = [command for block in blocks for command in commands_of(block)]
    assert len(found) > 40
    assert sum(not reason(c.line) for c in found) > 15


def test_tests_that_run_it_otherwise_exist():
    named = {word.strip(';,') for why in NOT_RUN.values() for word in why.split() if '/' in word}
    assert len(named) > 8
    assert not [name for name in named if not (ROOT / name).is_file()]
