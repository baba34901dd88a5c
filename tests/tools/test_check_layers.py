"""tools/check-layers must find each fault it promises to find: it is given trees that have one."""
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOOD = {
    "src/meson.build": "system_clock = files('base/clock_system.c')\n",
    "src/base/meson.build": "sources += files('slice.c')\n",
    "src/base/slice.h": "/* Slices. */\n",
    "src/base/slice.c": '/* Slices. */\n#include "base/slice.h"\n#include <string.h>\n',
    "src/base/clock_system.c": "/* The clock, linked apart. */\n",
    "src/store/meson.build": "sources += files('sqlite.c')\n",
    "src/store/sqlite.c": '/* Store. */\n#include "base/slice.h"\n#include <sqlite3.h>\n',
}


def lay(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def check(folder, *options):
    return subprocess.run(["/usr/bin/python3", ROOT / "tools" / "check-layers", *options, folder],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)


def test_a_tree_in_order_passes(tmp_path):
    lay(tmp_path, GOOD)
    result = check(tmp_path)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("name, text, complaint", [
    ("src/base/slice.h", '/* . */\n#include "store/sqlite.h"\n',
     "src/base/slice.h:2: base/ must not include store/"),
    ("src/store/sqlite.c", '/* . */\n#  include "net/udp.h"\n', "store/ must not include net/"),
    ("src/base/slice.h", '/* . */\n#include "other.h"\n', "is not named from src/ by its layer"),
    ("src/base/slice.h", '/* . */\n#include "base/gone.h"\n', "there is no src/base/gone.h"),
    ("src/base/slice.h", "/* . */\n#include <sqlite3.h>\n", "<sqlite3.h> belongs to store"),
    ("src/base/unbuilt.c", "/* . */\n", "src/base/unbuilt.c: no meson.build names it"),
    ("src/zone/meson.build", "sources += files()\n", "src/zone: holds no C file"),
    ("src/misc/any.h", "/* . */\n", "src/misc: no such layer"),
])
def test_a_fault_in_the_tree_is_named(tmp_path, name, text, complaint):
    lay(tmp_path, {**GOOD, name: text})
    result = check(tmp_path)
    assert result.returncode == 1
    assert complaint in result.stdout


@pytest.mark.parametrize("line, mutable", [
    ("int counter;", True),
    ("static int counter; int *where(void); int *where(void) { return &counter; }", True),
    ("int *where(void); int *where(void) { static int inside = 1; return &inside; }", True),
    ("_Thread_local int each;", True),
    ("const int table[] = {1, 2};", False),
    ('const char *const names[] = {"a", "b"};', False),
])
@pytest.mark.parametrize("layer", ["base", "daemon"])
def test_mutable_data_is_found_in_objects(tmp_path, line, mutable, layer):
    lay(tmp_path, GOOD)
    objects = tmp_path / "build" / "src" / "liblocum.a.p"
    objects.mkdir(parents=True)
    source = tmp_path / "one.c"
    source.write_text(line + "\n")
    subprocess.run(["gcc", "-O0", "-fPIE", "-c", source, "-o", objects / f"{layer}_one.c.o"],
                   check=True)
    result = check(tmp_path, "--objects", tmp_path / "build")
    if mutable and layer == "base":
        assert result.returncode == 1
        assert "base_one.c: mutable data outside daemon/ and cli/: " in result.stdout
    else:
        assert result.returncode == 0, result.stdout


def test_a_build_without_objects_does_not_pass(tmp_path):
    lay(tmp_path, GOOD)
    (tmp_path / "build").mkdir()
    result = check(tmp_path, "--objects", tmp_path / "build")
    assert result.returncode == 1
    assert "holds no objects" in result.stdout
