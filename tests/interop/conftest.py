"""Fixtures of the interop suite. See README.md for what it needs and how one test is run.

  LOCUM_BUILD            the build folder with locumd and locum (default ./build)
  LOCUM_REQUIRE_INTEROP  1: a machine where the suite cannot run is a failure, not a skip
  LOCUM_REQUIRE_LEGO     1: so is a missing lego
  LOCUM_LEGO_V4, _V5     a lego of one's own instead of one built here
  LOCUM_CACHE            where built legos are kept (default ~/.cache/locum-interop)
"""
import os
import pathlib
import shutil
import tempfile

import pytest

from .harness import lego as lego_builder
from .harness import process, server
from .harness.authority import SYSTEM_BUNDLE
from .harness.namespace import Namespace, NotPermitted
from .harness.world import RESOLVER, World

PROGRAMS = ("knotd", "knotc", "keymgr", "unbound", "pebble", "certbot", "uacme", "dehydrated",
            "openssl", "ip", "mount", "nsenter", "curl")


def _missing(variable, reason):
    if os.environ.get(variable) == "1":
        pytest.fail(f"{reason} ({variable}=1)", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def namespace():
    """Moves the session into namespaces of its own; see harness/namespace.py."""
    path = process.clean_environment("/")["PATH"]
    missing = [name for name in PROGRAMS if not shutil.which(name, path=path)]
    if missing:
        _missing("LOCUM_REQUIRE_INTEROP", "not installed: " + " ".join(missing))
    space = Namespace()
    try:
        space.enter()
    except NotPermitted as error:
        _missing("LOCUM_REQUIRE_INTEROP",
                 f"the interop tests need namespaces of their own (as root, or under "
                 f"`unshare -r -n -m`): {error}")
    yield space
    space.leave()


@pytest.fixture(scope="module")
def make_world(namespace):
    """Makes the one world of a module: make_world(tls=True)."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="locum-interop-"))
    made = []

    def make(**options):
        assert not made, "one world at a time: the addresses are fixed"
        world = World(folder, **options)
        made.append(world)
        resolv_conf = folder / "resolv.conf"
        resolv_conf.write_text(f"nameserver {RESOLVER}\n")
        namespace.bind_file(resolv_conf, "/etc/resolv.conf")
        namespace.bind_file(world.authority.bundle, SYSTEM_BUNDLE)
        world.start()
        return world

    yield make
    try:
        for world in made:
            world.stop()
    finally:
        namespace.unbind()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def world(make_world):
    """Root, TLDs, the customer's zone, resolver, CAs and locumd, with the API over https."""
    return make_world()


@pytest.fixture
def home(tmp_path):
    """An empty folder for a client."""
    return tmp_path


@pytest.fixture(scope="module")
def module_home(tmp_path_factory):
    """An empty folder for a client that several tests of a module look at."""
    return tmp_path_factory.mktemp("client")


@pytest.fixture(scope="session")
def locum_path(tmp_path_factory):
    """A folder for PATH in which `locum` is the one we built."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "locum").symlink_to(server.program("locum"))
    return folder


def _lego(namespace, factory, major):
    given = lego_builder.given(major, factory.mktemp("lego"))
    try:
        return given or lego_builder.build(major, namespace.run_outside)
    except lego_builder.NotBuilt as error:
        _missing("LOCUM_REQUIRE_LEGO", str(error))


@pytest.fixture(scope="session")
def lego_v4(namespace, tmp_path_factory):
    """A folder for PATH that holds lego 4."""
    return _lego(namespace, tmp_path_factory, "v4")


@pytest.fixture(scope="session")
def lego_v5(namespace, tmp_path_factory):
    """A folder for PATH that holds lego 5."""
    return _lego(namespace, tmp_path_factory, "v5")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure comes with the ends of the servers' logs."""
    outcome = yield
    report = outcome.get_result()
    world = getattr(item, "funcargs", {}).get("world")
    if report.failed and world:
        for name, log in world.logs():
            report.sections.append((f"log of {name}", "\n".join(log.splitlines()[-40:])))
