"""The test build of the daemon: storage that loses what was not synced and fails on demand, and a
clock that tests move. tests/support holds the daemon's side of both.
"""
import contextlib
import mmap
import os
import shlex
import struct

import harness

# In the order of tests/support/fault_control.h.
WORDS = ["sync_failures", "sync_drops", "syncs_ignored", "writes_full", "writes_fail", "reads_fail",
         "opens_fail", "sync_delay_ms", "leak_percent", "count_syncs", "count_refused"]
ALWAYS = 0xFFFFFFFF


def test_build():
    """The command of the test build, as Locumd(command=...) takes it."""
    path = harness.build_folder() / "tests" / "support" / "locumd-test"
    return shlex.split(os.environ.get("LOCUM_WRAPPER", "")) + [str(path)]


class ControlFile:
    """A small file that the daemon maps as well."""

    def __init__(self, path, size):
        self.path = path
        with open(path, "wb") as file:
            file.write(bytes(size))
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), size)


class Faults(ControlFile):
    """What is wrong with the daemon's disk at the moment."""

    def __init__(self, path):
        super().__init__(path, 4 * len(WORDS))

    def get(self, name):
        return struct.unpack_from("=I", self.map, 4 * WORDS.index(name))[0]

    def set(self, **words):
        for name, value in words.items():
            struct.pack_into("=I", self.map, 4 * WORDS.index(name), value)

    @contextlib.contextmanager
    def during(self, **words):
        """Sets words for a while, then all of them to 0."""
        self.set(**words)
        try:
            yield self
        finally:
            self.set(**{name: 0 for name in words})


class DrivenClock(ControlFile):
    """Milliseconds that the daemon adds to the machine's clocks."""

    def __init__(self, path):
        super().__init__(path, 16)

    def move(self, wall_s=0, monotonic_s=0):
        wall, monotonic = struct.unpack("=qq", self.map[:16])
        self.map[:16] = struct.pack("=qq", wall + int(wall_s * 1000),
                                    monotonic + int(monotonic_s * 1000))

    def pass_time(self, seconds):
        """What waiting so long does to both clocks."""
        self.move(seconds, seconds)


def make_locumd(folder, **config):
    """A Locumd of the test build in FOLDER, with .faults and .clock; not started yet."""
    faults = Faults(folder / "faults")
    clock = DrivenClock(folder / "clock")
    daemon = harness.Locumd(
        start=False, folder=folder, command=test_build(), **config,
        environment={"LOCUM_TEST_FAULTS": str(faults.path), "LOCUM_TEST_CLOCK": str(clock.path)})
    daemon.faults = faults
    daemon.clock = clock
    return daemon
