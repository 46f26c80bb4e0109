"""A part of one's own, in a module of one's own, is found by a config of one's own."""

from doc_pages import ROOT, blocks_of

from stgr.apis.model_hub import load_config
from stgr.registry import MODELS


def test_config_names_a_part_of_another_project(tmp_path, monkeypatch):
    config, selector = [
        block.text
        for block in blocks_of(ROOT / 'docs/extending.md')
        if 'EarliestSelector' in block.text
    ][:2]
    (tmp_path / 'my_parts.py').write_text(selector)
    (tmp_path / 'my_config.py').write_text(config)
    (tmp_path / 'configs').symlink_to(ROOT / 'configs')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)

    grounder = MODELS.build(load_config('my_config.py').model)

    assert type(grounder.selector).__name__ == 'EarliestSelector'
    assert grounder.selector.count == 2


def test_parts_of_pages_are_forgotten():
    """After the test above, and the page's own in test_commands.py, whichever ran before."""
    assert 'EarliestSelector' not in MODELS.module_dict
