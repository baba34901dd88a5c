"""The programs are built so that a fault of memory is hard to use."""
import os
import pathlib
import re
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = SOURCE / os.environ.get("LOCUM_BUILD", "build")


def readelf(program, *options):
    path = BUILD / "src" / program
    if not path.is_file():
        pytest.fail(f"{path} is not built")
    return subprocess.run(["readelf", "-W", *options, path], check=True, capture_output=True,
                          text=True, env={**os.environ, "LC_ALL": "C"}).stdout


@pytest.mark.parametrize("program", ["locumd", "locum"])
def test_program_is_hardened(program):
    head, segments = readelf(program, "-h"), readelf(program, "-l")
    dynamic, symbols = readelf(program, "-d"), readelf(program, "--dyn-syms")
    assert re.search(r"Type:\s+DYN", head) and re.search(r"FLAGS_1.*\bPIE\b", dynamic)
    assert "GNU_RELRO" in segments and re.search(r"\bBIND_NOW\b", dynamic)
    assert re.search(r"GNU_STACK\s.*\sRW\s", segments)
    assert "__stack_chk_fail" in symbols
    assert re.search(r"__(memcpy|snprintf|vsnprintf)_chk\b", symbols)
