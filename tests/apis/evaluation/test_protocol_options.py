"""Every setting of every protocol is an option, and none without effect."""

from dataclasses import fields

import pytest

from stgr.apis.evaluation import PROTOCOLS
from stgr.commands.evaluate import SETTINGS


@pytest.mark.parametrize('name', PROTOCOLS)
def test_every_setting_of_a_protocol_is_an_option_of_the_command(name):
    assert {field.name for field in fields(PROTOCOLS[name])} <= set(SETTINGS)


def test_every_option_is_a_setting_of_some_protocol():
    known = {field.name for protocol in PROTOCOLS.values() for field in fields(protocol)}

    assert set(SETTINGS) == known


@pytest.mark.parametrize('name', PROTOCOLS)
def test_an_unknown_rule_is_refused_with_the_known_ones(name):
    with pytest.raises(ValueError, match=r"missing must be one of \('background', 'error'\)"):
        PROTOCOLS[name](missing='ignore')
