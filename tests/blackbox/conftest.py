"""Fixtures of the black-box suites; what they give is described in harness.py."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import harness  # noqa: E402  (the folder must be on the path first)
import oracle  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "mended: locum differs from acme-dns here on purpose")
    config.addinivalue_line("markers", "closed: the shared daemon has registration closed")


def pytest_collection_modifyitems(items):
    if not oracle.oracle_program():
        return
    for item in items:
        if item.get_closest_marker("mended"):
            item.add_marker(pytest.mark.skip(reason="locum differs from acme-dns on purpose"))


def pytest_make_parametrize_id(val):
    """Short names for the cases whose parameter is a long or binary text."""
    if isinstance(val, (str, bytes)) and len(val) > 60:
        return f"{val[:40]!r}...{len(val)}"
    return None


@pytest.fixture
def locumd():
    """Makes daemons: locumd(registration={"policy": "token"}) starts one with this laid over the
    default configuration. All end with the test."""
    if oracle.oracle_program():
        pytest.skip("needs locum's own configuration")
    made = []

    def make(start=True, **config):
        daemon = harness.Locumd(start=False, **config)
        made.append(daemon)
        if start:
            daemon.start()
        return daemon

    yield make
    try:
        for daemon in made:
            daemon.finish()
    finally:
        for daemon in made:
            daemon.clean()


@pytest.fixture(scope="module")
def shared_locumd():
    """One daemon with the default configuration for the tests of a module that only add to it."""
    if oracle.oracle_program():
        with oracle.AcmeDns() as daemon:
            yield daemon
        return
    with harness.Locumd() as daemon:
        yield daemon


@pytest.fixture
def delegate(shared_locumd):
    """A fresh delegate on the shared daemon."""
    return shared_locumd.register()


PREFIXES = ["root"] if oracle.oracle_program() else ["root", "compat", "token", "token-compat"]


@pytest.fixture(params=PREFIXES)
def prefix(request, shared_locumd):
    """S24: each place where the acme-dns contract is served on the shared daemon: "" and the others."""
    out = ""
    if "token" in request.param:
        if not hasattr(shared_locumd, "path_token"):
            shared_locumd.path_token = shared_locumd.new_token("path")[1]
        out = "/token/" + shared_locumd.path_token
    if "compat" in request.param:
        out += harness.COMPAT
    return out
