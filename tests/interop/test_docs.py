"""The page "ACME-challenge delegates" from top to bottom, each command exactly as it is printed.

This small internet has an auth.example.org and an example.com, so that only the address of the
certificate authority differs from the page.
"""
import json
import re
import shutil

import pytest

from .harness import certificates, server
from .harness.process import run_client

import documents  # in the black-box folder, which harness.server has put on the path

PAGE = "docs/acme-challenge-delegates.md"
STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"


def printed(page, *words):
    """The one block of PAGE that has WORDS."""
    found = [block for block in documents.blocks(page, "sh")
             if all(word in block.text for word in words)]
    assert len(found) == 1, (page, words, [str(block) for block in found])
    return found[0].text


@pytest.fixture(scope="module")
def run(world, locum_path):
    """Runs a printed block in a folder."""
    def run_block(text, folder, path=()):
        return run_client(text.replace(STAGING, world.ca.directory), folder, [locum_path, *path])
    return run_block


@pytest.fixture(scope="module")
def account(world, module_home, run):
    """The delegate that the page's `locum register` gives, with the CNAME in place."""
    result = run(printed(PAGE, "locum register"), module_home)
    assert result.code == 0, result
    account = json.loads((module_home / "credentials.json").read_text())["example.com"]
    assert f"_acme-challenge.example.com. CNAME {account['fulldomain']}." in result.output
    world.add_cname("example.com", account["fulldomain"])
    return account


def lego_certificate(world, home):
    folder = home / ".lego/certificates"
    return certificates.check(world.ca, [folder / "example.com.crt"], folder / "example.com.key",
                              ["example.com"])


@pytest.mark.parametrize("page", [PAGE, "README.md"])
@pytest.mark.parametrize("version, words", [("lego_v4", ("lego \\",)), ("lego_v5", ("lego run",))])
def test_S49_lego_as_printed(version, words, page, account, world, home, run, request):
    """First in an empty folder, which asks for a CNAME; then with the delegate whose CNAME is
    there."""
    lego = request.getfixturevalue(version)
    text = printed(page, *words)
    if "export " not in text:  # the block before it on the page has set them
        text = "".join(line for line in printed(page, "lego \\").splitlines(keepends=True)
                       if line.startswith("export ")) + text
    if version == "lego_v4":
        result = run(text, home, [lego])
        assert result.code != 0
        assert "you must provision the following CNAME" in result.output, result
        assert list(json.loads((home / "lego-creds.json").read_text())) == ["example.com"]
    (home / "lego-creds.json").write_text(json.dumps({"example.com": account}))
    result = run(text, home, [lego])
    assert result.code == 0, result
    lego_certificate(world, home)


def test_S49_certbot_as_printed(account, module_home, world, home, run):
    """certbot keeps its files in /etc unless it is told otherwise, which is done here from outside
    the command."""
    shutil.copy(module_home / "credentials.json", home / "credentials.json")
    settings = home / ".config/letsencrypt/cli.ini"  # where certbot looks for settings of a user
    settings.parent.mkdir(parents=True)
    settings.write_text(f"config-dir = {home}/config\nwork-dir = {home}/work\n"
                        f"logs-dir = {home}/logs\n")
    exports = [line for line in printed(PAGE, "locum register").splitlines()
               if line.startswith("export ")]
    result = run("\n".join(exports) + "\n" + printed(PAGE, "certbot certonly"), home)
    assert result.code == 0, result
    live = home / "config/live/example.com"
    certificates.check(world.ca, [live / "fullchain.pem"], live / "privkey.pem",
                       ["example.com", "*.example.com"])


def test_S49_by_hand_as_printed(account, module_home, world, run):
    """The page's dig asks the resolver, which follows the CNAME."""
    exports = "".join(line + "\n" for line in printed(PAGE, "locum register").splitlines()
                      if line.startswith("export "))
    update, show, dig, clear = printed(PAGE, "locum update").splitlines()
    value = update.split()[-1]
    result = run("\n".join([exports + "set -e", update, show, dig]), module_home)
    assert result.code == 0, result
    assert f'"{value}"' in result.output.splitlines(), result
    result = run(exports + clear + "\n" + dig, module_home)
    assert result.code == 0, result
    assert f'"{value}"' not in result.output.splitlines(), result


def test_S49_registration_with_curl_as_printed(world, home, run):
    """curl shows its progress on the same terminal, so the answer is looked for in the output."""
    result = run(printed(PAGE, "curl -X POST"), home)
    assert result.code == 0, result
    fields = json.loads(re.search(r"\{.*\}", result.output).group(0))
    assert fields["server_url"] == f"https://{server.ZONE}{server.COMPAT}"
