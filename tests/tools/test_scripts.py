"""scripts/setup and scripts/quickstart as a newcomer runs them, and what scripts/test must not let
pass."""
import importlib.machinery
import importlib.util
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"


def run(*words, **more):
    environment = dict(os.environ, **more)
    return subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=120, cwd="/", env=environment)


# ---- scripts/setup ----

def test_setup_changes_nothing_when_everything_is_there(tmp_path):
    """Neither apt-get nor sudo is called: here they would fail."""
    for name in ("apt-get", "sudo"):
        (tmp_path / name).write_text("#!/bin/sh\necho called >&2\nexit 9\n")
        (tmp_path / name).chmod(0o755)
    result = run(SCRIPTS / "setup", "--tests", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert result.returncode == 0, result.stderr
    assert result.stderr == "setup: everything is there\n"


def test_setup_lists_each_package_once():
    packages = run(SCRIPTS / "setup", "--list", "--tests").stdout.split()
    assert len(packages) == len(set(packages))
    assert {"gcc", "meson", "libevent-dev", "pebble"} <= set(packages)
    assert set(run(SCRIPTS / "setup", "--list").stdout.split()) < set(packages)


def fake_debian(tmp_path, apt):
    """A PATH on which dpkg-query knows of nothing and APT is what apt-get does."""
    for name, text in {"dpkg-query": "exit 1", "apt-get": apt, "id": "echo 0"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    return f"{tmp_path}:{os.environ['PATH']}"


def test_setup_says_why_when_the_archive_cannot_be_reached(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("holds services back as root does")
    policy = pathlib.Path("/usr/sbin/policy-rc.d")
    before = policy.read_text() if policy.exists() else None
    path = fake_debian(tmp_path, "echo 'Could not resolve deb.example' >&2; exit 100")
    result = run(SCRIPTS / "setup", PATH=path)
    assert result.returncode == 1
    assert "Could not resolve deb.example" in result.stderr
    assert "apt-get update failed: is the network there?" in result.stderr
    assert (policy.read_text() if policy.exists() else None) == before


def test_setup_refuses_what_it_does_not_know():
    result = run(SCRIPTS / "setup", "--test")
    assert result.returncode == 1
    assert "unknown argument --test" in result.stderr


# ---- scripts/quickstart ----

def test_quickstart_once_shows_the_answer_and_leaves_nothing(tmp_path):
    result = run(SCRIPTS / "quickstart", "--once", TMPDIR=str(tmp_path), HOME="/nonexistent")
    assert result.returncode == 0, result.stdout + result.stderr
    value = re.search(r"\$ locum update --domain example.com (\S{43})\n", result.stdout).group(1)
    assert f'  "{value}"\n' in result.stdout
    assert re.search(r"_acme-challenge\.example\.com\.  CNAME  \S+\.auth\.example\.org\.\n",
                     result.stdout)
    assert list(tmp_path.iterdir()) == []


def test_quickstart_runs_until_it_is_interrupted(tmp_path):
    process = subprocess.Popen([SCRIPTS / "quickstart"], stdin=subprocess.DEVNULL, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/",
                               env=dict(os.environ, TMPDIR=str(tmp_path)),
                               start_new_session=True)
    try:
        text = ""
        for line in process.stdout:
            text += line
            if "until you press Ctrl-C" in line:
                break
        assert "ACME_DNS_API_BASE=http://127.0.0.1:" in text, text
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == 130, text + process.stdout.read()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ProcessLookupError):  # nobody of its session is left
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            os.killpg(process.pid, 0)
            time.sleep(0.05)


def test_two_quickstarts_find_ports_of_their_own(tmp_path):
    first, second = (subprocess.Popen([SCRIPTS / "quickstart", "--once"], text=True, cwd="/",
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT,
                                      env=dict(os.environ, TMPDIR=str(tmp_path)))
                     for _ in range(2))
    for process in (first, second):
        text = process.communicate(timeout=120)[0]
        assert process.returncode == 0, text


# ---- scripts/test ----

@pytest.fixture
def runner(tmp_path):
    """tools/run-tests as a module, and a Runner whose logs are in TMP_PATH."""
    loader = importlib.machinery.SourceFileLoader("run_tests", str(ROOT / "tools" / "run-tests"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("run_tests", loader))
    sys.modules["run_tests"] = module  # dataclasses look their module up
    loader.exec_module(module)
    module.ROOT = tmp_path
    return module, module.Runner(tmp_path)


def job_of(module, tmp_path, name="one"):
    job = module.Job(name, None)
    job.log = tmp_path / f"{name}.log"
    return job


def suite_of(tmp_path, text):
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "test_it.py").write_text(text)


@pytest.mark.parametrize("text, passed, failed, skipped", [
    ("def test_a(): pass\ndef test_b(): pass\n", 2, 0, 0),
    ("def test_a(): pass\ndef test_b(): assert False\n", 1, 1, 0),
    ("import pytest\ndef test_a(): pass\ndef test_b(): pytest.skip('why')\n", 1, 0, 1),
    ("x = 1\n", 0, 1, 0),
    ("import pytest\ndef test_b(): pytest.skip('why')\n", 0, 1, 1),
    ("import nothing_of_the_kind\n", 0, 1, 0),
])
def test_counts_are_those_of_the_suite(runner, tmp_path, text, passed, failed, skipped):
    module, one = runner
    suite_of(tmp_path, text)
    count = one.pytest("suite", "gcc")(job_of(module, tmp_path))
    assert (count.passed, count.failed, count.skipped) == (passed, failed, skipped)


def test_a_suite_that_is_not_there_has_failed(runner, tmp_path):
    module, one = runner
    count = one.pytest("suite", "gcc")(job_of(module, tmp_path))
    assert count.failed == 1


def test_a_report_of_a_sanitizer_is_a_failure(runner, tmp_path):
    module, one = runner
    suite_of(tmp_path, "def test_a():\n    import os, re\n"
                       "    path = re.search('log_path=([^:]+)', os.environ['TSAN_OPTIONS'])[1]\n"
                       "    open(path + '.1', 'w').write('WARNING: ThreadSanitizer: data race')\n")
    count = one.pytest("suite", "gcc", {"TSAN_OPTIONS": "exitcode=0"})(job_of(module, tmp_path))
    assert (count.passed, count.failed) == (1, 1)
    assert "data race" in count.failures[0]


def test_what_needs_a_failed_build_has_failed(runner, tmp_path):
    module, one = runner

    def failing(job):
        count = module.Count()
        count.fail("build")
        return count
    jobs = [module.Job("build", failing), module.Job("unit", failing, ("build",))]
    one.run(jobs)
    assert [job.count.failures for job in jobs] == [["build"], ["unit: not run, build failed"]]


def test_unknown_suites_are_refused():
    result = run("/usr/bin/python3", ROOT / "tools" / "run-tests", "blackbocks")
    assert result.returncode == 2
    assert "unknown suite blackbocks" in result.stderr
