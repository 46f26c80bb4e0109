"""Readers of files from outside: random, cut and changed bytes give a value or a named error."""

import fuzz_targets
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

FUZZ = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
TARGETS = fuzz_targets.targets()


@pytest.fixture
def feed(request, tmp_path):
    target = TARGETS[request.getfixturevalue('name')]
    folder = fuzz_targets.place(tmp_path, request.getfixturevalue('name'))
    return lambda content: target.feed(content, folder)


@pytest.mark.parametrize('name', TARGETS)
def test_seeds_are_read_or_refused_by_name(name, feed):
    for content in TARGETS[name].seeds:
        feed(content)


@pytest.mark.parametrize('name', TARGETS)
@FUZZ
@example(content=b'')
@given(content=st.binary(max_size=200))
def test_random_bytes(name, feed, content):
    feed(content)


@pytest.mark.parametrize('name', TARGETS)
@FUZZ
@given(data=st.data())
def test_sound_files_of_which_bytes_are_cut_or_changed(name, feed, data):
    content = bytearray(
        data.draw(st.sampled_from([s for s in TARGETS[name].seeds if len(s) < 9999]))
    )
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, max(len(content) - 1, 0)))
        piece = data.draw(st.binary(max_size=4))
        content[position : position + data.draw(st.integers(0, 8))] = piece

    feed(bytes(content))
