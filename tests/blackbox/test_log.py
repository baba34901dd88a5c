"""What the log says: one line an event, in both formats, and one request id through all of them."""
import pytest

import faults
import harness
from harness import make_txt

HOUR = 3600
VALUES = 2


def about(daemon, ident):
    """The fields of each line about the request IDENT."""
    lines = [harness.parse_log_line(line) for line in daemon.lines]
    return [fields for fields in lines if fields.get("request") == ident]


@pytest.mark.parametrize("form", ["text", "json"])
def test_one_request_id_goes_through_all_lines(locumd, form):
    daemon = locumd(log={"format": form})
    registered = daemon.http("POST", "/register")
    delegate = harness.Delegate(daemon, registered.json())
    updated = daemon.update(delegate, make_txt())
    refused = daemon.update(delegate, "junk", expect=400)
    for answer, event, status in ((registered, "register", 201), (updated, "update", 200),
                                  (refused, None, 400)):
        ident = answer.header("X-Request-Id")
        daemon.wait_log(lambda f, i=ident: f.get("event") == "request" and f.get("request") == i)
        lines = {fields["event"]: fields for fields in about(daemon, ident)}
        assert set(lines) == {"request"} | ({event} if event else set())
        assert int(lines["request"]["status"]) == status
        assert lines["request"]["client"] == "127.0.0.1"
        if event:
            assert lines[event]["delegate"] == delegate.subdomain
            assert lines[event]["error"] == "none"
    for line in daemon.lines:
        fields = harness.parse_log_line(line)
        assert {"time", "level", "event", "process"} <= set(fields), line
        assert (form == "json") == line.startswith("{")


def test_a_change_that_could_not_be_stored_is_logged_with_its_request(tmp_path):
    daemon = faults.make_locumd(tmp_path)
    daemon.start()
    try:
        delegate = daemon.register()
        with daemon.faults.during(writes_full=1):
            answer = daemon.update(delegate, make_txt(), expect=503)
            assert int(answer.header("Retry-After")) > 0
            line = daemon.wait_log("update")
            assert line["request"] == answer.header("X-Request-Id")
            assert (line["level"], line["error"]) == ("warning", "storage")
            assert daemon.wait_log("storage_failing")["level"] == "error"
        daemon.wait_log("storage_recovered")
    finally:
        daemon.clean()


def test_a_value_that_is_displaced_within_the_hour_is_logged(tmp_path):
    """With values that old, a client may wait for them; later ones are only history."""
    zone = dict(harness.default_config(tmp_path)["zones"][0], values=VALUES)
    daemon = faults.make_locumd(tmp_path, zones=[zone])
    daemon.start()
    try:
        delegate = daemon.register()
        answers = [daemon.update(delegate, make_txt(number)) for number in range(VALUES + 1)]
        line = daemon.wait_log("value_displaced_early")
        assert line["request"] == answers[-1].header("X-Request-Id")
        assert (line["level"], line["delegate"]) == ("warning", delegate.subdomain)
        assert 0 <= int(line["age_ms"]) < HOUR * 1000
        daemon.clock.pass_time(HOUR)
        answer = daemon.update(delegate, make_txt("late"))
        ident = answer.header("X-Request-Id")
        daemon.wait_log(lambda fields: fields.get("event") == "update" and
                        fields.get("request") == ident)
        assert [fields["event"] for fields in about(daemon, ident)
                if fields["event"] == "value_displaced_early"] == []
    finally:
        daemon.clean()


def test_who_was_refused_is_logged_at_the_usual_level(locumd):
    daemon = locumd(log={"level": "info"})
    wrong = dict(daemon.register().headers, **{"X-Api-Key": "x" * 40})
    answer = daemon.http("POST", "/update", headers=wrong)
    line = daemon.wait_log("request")
    assert line["request"] == answer.header("X-Request-Id")
    assert (line["route"], line["status"], line["client"]) == ("/update", "401", "127.0.0.1")


def test_lower_levels_are_left_out(locumd):
    daemon = locumd(log={"level": "info"})
    daemon.update(daemon.register(), make_txt())
    daemon.http("GET", "/nothing")
    daemon.http("GET", "/health")
    assert daemon.stop() == 0
    levels = {harness.parse_log_line(line)["level"] for line in daemon.lines}
    assert "info" in levels and "debug" not in levels
