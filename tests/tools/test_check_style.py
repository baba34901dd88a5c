"""tools/check-style must find each fault it promises to find: it is given trees that have one."""
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOOD = {
    "src/one.c": "/* One. */\nint one(void)\n{\n    return 1;\n}\n",
    "go": "#!/bin/sh\necho go\n",
    "notes.md": "# Notes\n" + "long " * 40 + "line\n",
}


def check(folder, files):
    subprocess.run(["git", "init", "-q", folder], check=True)
    (folder / ".clang-format").write_text((ROOT / ".clang-format").read_text())
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return subprocess.run(["/usr/bin/python3", ROOT / "tools" / "check-style", folder],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)


def test_a_tree_in_order_passes(tmp_path):
    result = check(tmp_path, GOOD)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("name, text, complaint", [
    ("src/one.c", "/* One. */\nint one;  \n", "src/one.c:2: blanks at the end"),
    ("src/one.c", "/* One. */\n\tint one;\n", "src/one.c:2: a tab"),
    ("src/one.c", "int one;\n", "does not open with a comment"),
    ("src/one.c", "/* " + "x" * 98 + " */\n", "104 columns"),
    ("src/one.c", "/* One. */", "the last line has no end"),
    ("notes.md", "TO" "DO: the rest\n", "left undone"),
    ("notes.md", "see /ho" "me/me/notes\n", "a path of one machine"),
    ("notes.md", "see TREE/notes\n", "a path of this machine"),
    ("notes.md", "GOPROXY=https://proxy.go" "lang.org\n", "package registry"),
    ("go", "#!/bin/sh\necho $1\n", "SC2086"),
])
def test_a_fault_is_named(tmp_path, name, text, complaint):
    result = check(tmp_path, {**GOOD, name: text.replace("TREE", str(tmp_path))})
    assert result.returncode == 1
    assert complaint in result.stdout


def test_the_layout_of_c_is_checked(tmp_path):
    version = subprocess.run(["clang-format", "--version"], capture_output=True, text=True).stdout
    if "version 14." not in version:
        pytest.skip("the tree has the layout of clang-format 14")
    result = check(tmp_path, {**GOOD, "src/one.c": "/* One. */\nint one(void) {return 1;}\n"})
    assert result.returncode == 1
    assert "clang-format" in result.stdout


def test_a_long_source_file_is_only_warned_of(tmp_path):
    text = "/* One. */\n" + "int one(void);\n" * 600
    result = check(tmp_path, {**GOOD, "src/one.c": text})
    assert result.returncode == 0, result.stdout
    assert "warning: src/one.c: 601 lines" in result.stdout


def test_without_git_there_is_nothing_to_check(tmp_path):
    result = subprocess.run(["/usr/bin/python3", ROOT / "tools" / "check-style", tmp_path],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert result.returncode == 77
