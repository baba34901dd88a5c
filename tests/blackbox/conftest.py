"""Fixtures of the black-box suites; what they give is described in harness.py."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import harness  # noqa: E402  (the folder must be on the path first)


@pytest.fixture
def locumd():
    """Makes daemons: locumd(registration={"policy": "token"}) starts one with this laid over the
    default configuration. All end with the test."""
    made = []

    def make(**config):
        daemon = harness.Locumd(start=False, **{k: v for k, v in config.items() if k != "start"})
        made.append(daemon)
        if config.get("start", True):
            daemon.start()
        return daemon

    yield make
    for daemon in made:
        daemon.clean()


@pytest.fixture(scope="module")
def shared_locumd():
    """One daemon with the default configuration for the tests of a module that only add to it."""
    with harness.Locumd() as daemon:
        yield daemon


@pytest.fixture
def delegate(shared_locumd):
    """A fresh delegate on the shared daemon."""
    return shared_locumd.register()
