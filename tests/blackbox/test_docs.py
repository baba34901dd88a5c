"""What README.md and docs/ print is run as printed.

Only the places are replaced: the server's URL and DNS port, folders, and the delegate where a CNAME
in somebody's zone would be followed. Commands of other programs are run elsewhere: ELSEWHERE says
where. The ACME clients' blocks run in tests/interop/test_docs.py, in a small internet of their own.
"""
import json
import os
import re
import shutil
import ssl
import subprocess
import urllib.request

import pytest
import yaml

import documents
import harness

# First word of a command: what runs it, as printed.
ELSEWHERE = {
    "lego": "tests/interop/test_docs.py",
    "certbot": "tests/interop/test_docs.py",
    "scripts/quickstart": "tests/tools/test_scripts.py",
    "scripts/test": "tests/tools/test_scripts.py",
    "scripts/setup": "tests/tools/test_scripts.py",
    "meson": "tools/run-tests",
    "ninja": "tools/run-tests",
}
KNOWN_LANGUAGES = {"sh", "text", "yaml", "json"}


@pytest.fixture
def user(locumd, tmp_path):
    """Runs commands as a user beside a server with an open registration; user.daemon is it."""
    return User(locumd(), tmp_path)


class User:
    def __init__(self, daemon, folder):
        self.daemon = daemon
        self.folder = folder
        self.storage = folder / "credentials.json"
        programs = folder / "bin"
        programs.mkdir()
        for name in ("locum", "locumd"):
            (programs / name).symlink_to(harness.program(name))
        self.environment = {
            "PATH": f"{programs}:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(folder),
            "LOCUM_SERVER": daemon.api_url,
            "LOCUM_STORAGE": str(self.storage),
            "LOCUM_ADMIN_SOCKET": str(daemon.admin_socket),
        }
        for name in ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    def placed(self, command):
        """COMMAND with this server's places in it."""
        command = command.replace("https://auth.example.org", self.daemon.api_url)
        command = command.replace("/etc/locum/locum.yaml", str(self.daemon.config_path))
        if documents.first_word(command) == "dig":
            delegate = json.loads(self.storage.read_text())["example.com"]["fulldomain"]
            command = command.replace("_acme-challenge.example.com", delegate)
            command = command.replace(
                "dig ", f"dig @{self.daemon.dns_host} -p {self.daemon.dns_port} +norecurse ")
        return command

    def run(self, commands):
        """Runs them in one shell that stops at the first failure; what they print."""
        done = subprocess.run(["bash", "-e", "-c", "\n".join(commands)], cwd=self.folder,
                              env=self.environment, stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=harness.seconds(60))
        assert done.returncode == 0, (commands, done.returncode, done.stdout, done.stderr)
        return done.stdout


@pytest.mark.parametrize("page", documents.PAGES)
def test_every_block_is_of_a_known_language(page):
    """A block in another language would be one that nothing looks at."""
    unknown = {str(block): block.language for block in documents.blocks(page)
               if block.language not in KNOWN_LANGUAGES}
    assert not unknown


@pytest.mark.parametrize("place", sorted(set(ELSEWHERE.values())))
def test_what_runs_elsewhere_is_there(place):
    assert (documents.SOURCE / place).is_file()


@pytest.mark.parametrize("page", [page for page in documents.PAGES if documents.blocks(page, "sh")])
def test_S49_commands_run_as_printed(page, user):
    """Block by block, in the page's order; `export` lasts from block to block."""
    exports = []
    for block in documents.blocks(page, "sh"):
        commands = [user.placed(command) for command in block.commands()
                    if documents.first_word(command) not in ELSEWHERE]
        # The daemon runs already: the harness has started it with this very command.
        commands = [command for command in commands
                    if not re.fullmatch(r"locumd --config \S+", command)]
        if commands:
            prepare(user, commands)
            user.run([*exports, *commands])
        exports += [command for command in commands if command.startswith("export ")]


def prepare(user, commands):
    """A page that speaks of a registered domain may begin after the registration."""
    uses = [c for c in commands if "--domain example.com" in c and "locum register" not in c]
    if uses and not user.storage.exists():
        user.run(["locum register --domain example.com"])


def test_S49_a_value_set_by_hand_is_what_dns_answers(user):
    """The delegate page's part "By hand", looked at more closely."""
    page = "docs/acme-challenge-delegates.md"
    block, = (b for b in documents.blocks(page, "sh") if b.text.startswith("locum update"))
    update, show, dig, clear = block.commands()
    value = update.split()[-1]
    user.run(["locum register --domain example.com"])
    user.run([update])
    assert value in user.run([show])
    assert user.run([user.placed(dig)]) == f'"{value}"\n'
    user.run([clear])
    assert user.run([user.placed(dig)]) == ""


def test_S49_the_delegate_page_has_its_title():
    text = (documents.SOURCE / "docs/acme-challenge-delegates.md").read_text("utf-8")
    assert text.startswith("---\ntitle: ACME-challenge delegates\n")
    assert "\n# ACME-challenge delegates\n" in text


@pytest.fixture
def certificate(tmp_path):
    """(certificate, key) files for auth.example.org."""
    paths = tmp_path / "tls.pem", tmp_path / "tls.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=locum",
                    "-addext", "subjectAltName=DNS:auth.example.org,IP:127.0.0.1", "-keyout",
                    paths[1], "-out", paths[0]], check=True, capture_output=True)
    return paths


def test_the_configuration_of_the_readme_serves(locumd, certificate):
    block, = documents.blocks("README.md", "yaml")
    places = {
        "/etc/locum/tls.pem": str(certificate[0]),
        "/etc/locum/tls.key": str(certificate[1]),
        "'0.0.0.0:53', '[::]:53'": "'127.0.0.1:0'",
        "'0.0.0.0:443', '[::]:443'": "'127.0.0.1:0'",
    }
    text = block.text
    for printed, place in places.items():
        assert printed in text
        text = text.replace(printed, place)
    daemon = locumd(start=False)
    for name in ("data", "run"):
        text = re.sub(rf"^  {name}: .*$", f"  {name}: {daemon.folder / name}", text, flags=re.M)
    daemon.config, daemon.config_text = yaml.safe_load(text), text
    daemon.start()
    soa, = daemon.query("auth.example.org", "SOA").answer
    assert soa.rdtype == 6
    address, = daemon.query("auth.example.org", "A").answer
    assert address[0].address == "198.51.100.1"
    trust = ssl.create_default_context(cafile=certificate[0])
    with urllib.request.urlopen(daemon.api_url + "/health", context=trust,
                                timeout=harness.seconds(10)) as answer:
        assert answer.status == 200
    if shutil.which("curl"):  # registration takes a token, as the page says
        done = subprocess.run(["curl", "-s", "--cacert", certificate[0], "-X", "POST",
                               daemon.api_url + "/register"], capture_output=True, text=True)
        assert json.loads(done.stdout) == {"error": "registration_token_required"}
