"""lego, built from the Go module proxy where the machine has a current Go.

Debian's own lego is built without the acme-dns provider. A build takes a while, so what is built
is kept in $LOCUM_CACHE (default ~/.cache/locum-interop); a lock there makes parallel sessions
build once.

Only lego's generated table of DNS providers is cut down, to acme-dns: the other 180 bring hundreds
of modules, minutes of building, and one module that can't be had would cost us the client. Nothing
that runs in these tests is touched. LOCUM_LEGO_V4 and LOCUM_LEGO_V5 name a lego of one's own (a
release's program, say) to be used instead.
"""
import fcntl
import json
import os
import pathlib
import re
import shutil
import tempfile

MODULES = {
    "v4": ("github.com/go-acme/lego/v4", "v4.35.2", "./cmd/lego"),
    "v5": ("github.com/go-acme/lego/v5", "v5.4.1", "."),
}

TABLE = "providers/dns/zz_gen_dns_providers.go"
TABLE_TEXT = """\
package dns

import (
\t"fmt"

\t"{module}/challenge"
\t"{module}/providers/dns/acmedns"
)

func NewDNSChallengeProviderByName(name string) (challenge.Provider, error) {{
\tswitch name {{
\tcase "acme-dns", "acmedns":
\t\treturn acmedns.NewDNSProvider()
\tdefault:
\t\treturn nil, fmt.Errorf("unrecognized DNS provider: %s", name)
\t}}
}}
"""


class NotBuilt(Exception):
    """Why there is no lego."""


def cache_folder():
    home = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    return pathlib.Path(os.environ.get("LOCUM_CACHE") or home / "locum-interop")


def build(major, run):
    """The folder that holds the program `lego` of that MAJOR version; RUN runs a command (as
    subprocess.run does) where the module proxy can be reached."""
    module, version, package = MODULES[major]
    place = cache_folder() / f"lego-{version}"
    place.mkdir(parents=True, exist_ok=True)
    with open(cache_folder() / f"lego-{version}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "lego").is_file():
            _build(module, version, package, place / "lego", run)
    return place


def given(major, folder):
    """FOLDER with `lego` in it, if the environment names a program for MAJOR; None if not."""
    program = os.environ.get(f"LOCUM_LEGO_{major.upper()}")
    if not program:
        return None
    (folder / "lego").symlink_to(pathlib.Path(program).resolve(strict=True))
    return folder


def _go():
    for name in (shutil.which("go"), "/usr/local/go/bin/go", "/usr/lib/go/bin/go"):
        if name and os.access(name, os.X_OK):
            return name
    raise NotBuilt("lego is built from source and there is no Go on this machine")


def _build(module, version, package, target, run):
    go = _go()
    environment = dict(os.environ, GOTOOLCHAIN="local", GOFLAGS="-buildvcs=false", CGO_ENABLED="0")

    def say(command, folder):
        done = run([go] + command, cwd=str(folder), env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise NotBuilt(f"go {' '.join(command)}: {_last(done.stderr or done.stdout)}")
        return done.stdout

    found = json.loads(say(["mod", "download", "-json", f"{module}@{version}"], target.parent))
    source = pathlib.Path(found["Dir"])
    _need_go(say(["env", "GOVERSION"], target.parent), (source / "go.mod").read_text(), version)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        copy = pathlib.Path(folder) / "source"  # what lies in the module cache is read-only
        shutil.copytree(source, copy, copy_function=shutil.copyfile)
        for place in (copy / TABLE).parents[0], copy:
            place.chmod(0o755)
        (copy / TABLE).write_text(TABLE_TEXT.format(module=module))
        part = target.with_suffix(".part")
        say(["build", "-trimpath", "-ldflags=-s -w", "-o", str(part), package], copy)
        for place, _, _ in os.walk(copy):  # copied read-only, too
            os.chmod(place, 0o755)
        part.rename(target)


def _need_go(have, go_mod, version):
    def numbers(text):
        return [int(n) for n in re.findall(r"\d+", text)[:2]]
    need = re.search(r"^go (\S+)", go_mod, re.M).group(1)
    if numbers(have) < numbers(need):
        raise NotBuilt(f"lego {version} needs Go {need}, this machine has {have.strip()}")


def _last(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return "; ".join(lines[-3:]) or "failed"
