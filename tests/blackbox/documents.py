"""The commands that the documentation prints, taken out of its fenced blocks."""
import dataclasses
import pathlib

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PAGES = ["README.md", *sorted(str(path.relative_to(SOURCE))
                              for path in (SOURCE / "docs").glob("*.md"))]


@dataclasses.dataclass
class Block:
    """One fenced block: where it stands, its language and its text."""
    page: str
    line: int
    language: str
    text: str

    def __str__(self):
        return f"{self.page}:{self.line}"

    def commands(self):
        """The block's commands, continued lines joined to one text with their line ends kept."""
        out, held = [], ""
        for line in self.text.splitlines(keepends=True):
            held += line
            if not line.rstrip("\n").endswith("\\"):
                if held.strip():
                    out.append(held.rstrip("\n"))
                held = ""
        assert not held, f"{self}: the last command goes on"
        return out


def blocks(page, language=None):
    """The fenced blocks of PAGE (a path in the tree), in order; those of a LANGUAGE if given."""
    found, current = [], None
    for number, line in enumerate((SOURCE / page).read_text("utf-8").splitlines(), 1):
        if line.startswith("```"):
            if current is None:
                current = Block(page, number + 1, line[3:].strip(), "")
            else:
                found.append(current)
                current = None
        elif current is not None:
            current.text += line + "\n"
    assert current is None, f"{page}: a block has no end"
    return [block for block in found if language in (None, block.language)]


def first_word(command):
    return command.split()[0]
