"""Pages must not speak of what is not there."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = sorted(str(path.relative_to(ROOT)) for path in
               [ROOT / "README.md", ROOT / "HACKING.md", ROOT / "CHANGELOG.md",
                *(ROOT / "docs").rglob("*.md")])
SOURCE_PATH = re.compile(r"`((?:src|tests|tools|scripts|docs|bench|packaging)/[\w/.*-]+|"
                         r"(?:base|dns|crypto|net|store|zone|service|front|watch|daemon|cli)"
                         r"/[\w*.-]+\.[ch])`")
FUNCTION = re.compile(r"`([a-z_0-9]+)\(\)`")
EXAMPLE = re.compile(r"NAME")


@pytest.mark.parametrize("page", PAGES)
def test_files_that_a_page_names_are_there(page):
    text = (ROOT / page).read_text("utf-8")
    named = {name for name in SOURCE_PATH.findall(text) if not EXAMPLE.search(name)}
    gone = [name for name in sorted(named)
            if not list(ROOT.glob(name.rstrip("/"))) and not list((ROOT / "src").glob(name))]
    assert not gone


@pytest.mark.parametrize("page", PAGES)
def test_functions_that_a_page_names_are_there(page):
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.[ch]"))
    named = set(FUNCTION.findall((ROOT / page).read_text("utf-8"))) - {"main", "module_verb"}
    gone = [name for name in sorted(named) if not re.search(rf"\b{name}\(", source)]
    assert not gone


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page):
    text = (ROOT / page).read_text("utf-8")
    links = [target for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
             if not target.startswith(("http://", "https://"))]
    gone = [target for target in links if not ((ROOT / page).parent / target).exists()]
    assert not gone
