"""With CREND_SLICER_SOURCE set, every test here and in Testing/mrml runs against Slicer's own Python files; this one says so."""

import sys

import host
import pytest


@pytest.mark.skipif(not host.SLICER_CHECKOUT, reason="CREND_SLICER_SOURCE names no Slicer checkout")
@pytest.mark.parametrize("name", ["slicer.ScriptedLoadableModule", "slicer.parameterNodeWrapper", "slicer.i18n"])
def test_slicers_own_files_are_in_use(name):
    assert sys.modules[name].__file__.startswith(host.SLICER_CHECKOUT)
