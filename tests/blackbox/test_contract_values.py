"""The value set of a delegate: how values come, stay and leave, over HTTP and DNS alike."""
import concurrent.futures
import datetime
import re

import pytest

import harness
from harness import COMPAT, make_txt

pytestmark = pytest.mark.mended  # acme-dns has two slots and no clear

FORBIDDEN = (401, b'{"error": "forbidden"}')


def outcome(answer):
    return answer.status, answer.body


def fill(server, delegate, count, start=0):
    values = [make_txt(f"{delegate.subdomain}{i}") for i in range(start, start + count)]
    for value in values:
        server.update(delegate, value)
    return values


# ---- arrival ----

def test_values_are_served_in_the_order_of_arrival(shared_locumd, delegate):
    """Also within one second, where acme-dns loses the newer one."""
    values = fill(shared_locumd, delegate, 5)
    assert shared_locumd.values(delegate) == values
    assert sorted(shared_locumd.txt(delegate.fulldomain)) == sorted(values)
    assert shared_locumd.txt(delegate.fulldomain, tcp=True) == shared_locumd.txt(delegate.fulldomain)


def test_each_200_means_every_answer_has_the_value(shared_locumd, delegate):
    for number in range(40):
        value = make_txt(number)
        shared_locumd.update(delegate, value)
        assert value in shared_locumd.txt(delegate.fulldomain, tcp=number % 2 == 0, edns=0)


def test_newest_sixteen_stay(shared_locumd, delegate):
    values = fill(shared_locumd, delegate, 20)
    assert shared_locumd.values(delegate) == values[-16:]
    served = shared_locumd.txt(delegate.fulldomain, edns=0)
    assert sorted(served) == sorted(values[-16:])


def test_a_value_sent_again_is_no_second_value(shared_locumd, delegate):
    """A client that retries must not push its neighbour out."""
    first, second = fill(shared_locumd, delegate, 2)
    for _ in range(20):
        shared_locumd.update(delegate, second)
    assert sorted(shared_locumd.values(delegate)) == sorted([first, second])
    assert sorted(shared_locumd.txt(delegate.fulldomain)) == sorted([first, second])


def test_a_value_sent_again_counts_as_new(shared_locumd, delegate):
    """Whoever sends a value now needs it now, so it must not be the next to be pushed out."""
    values = fill(shared_locumd, delegate, 16)
    shared_locumd.update(delegate, values[0])
    shared_locumd.update(delegate, make_txt("one more"))
    assert values[0] in shared_locumd.txt(delegate.fulldomain, edns=0)
    assert values[1] not in shared_locumd.txt(delegate.fulldomain, edns=0)


def test_values_differ_by_case(shared_locumd, delegate):
    shared_locumd.update(delegate, "a" * 43)
    shared_locumd.update(delegate, "A" * 43)
    assert sorted(shared_locumd.txt(delegate.fulldomain)) == ["A" * 43, "a" * 43]


def test_number_of_values_is_configurable(locumd):
    server = locumd(zones=[{"name": "two.example.org", "nameservers": ["ns1.example.net"],
                            "contact": "hostmaster@example.org", "values": 2}])
    delegate = server.register()
    values = fill(server, delegate, 5)
    assert server.values(delegate) == values[-2:]
    assert sorted(server.txt(delegate.fulldomain)) == sorted(values[-2:])


def test_delegates_do_not_share_values(shared_locumd):
    made = [shared_locumd.register() for _ in range(8)]
    for number, delegate in enumerate(made):
        shared_locumd.update(delegate, make_txt(number))
    for number, delegate in enumerate(made):
        assert shared_locumd.txt(delegate.fulldomain) == [make_txt(number)]


def test_updates_of_many_clients_at_once_are_all_kept(shared_locumd):
    made = [shared_locumd.register() for _ in range(8)]

    def work(delegate):
        return [shared_locumd.update(delegate, make_txt(f"{delegate.subdomain}{i}")).status
                for i in range(16)]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(status == 200 for row in pool.map(work, made) for status in row)
    for delegate in made:
        wanted = [make_txt(f"{delegate.subdomain}{i}") for i in range(16)]
        assert shared_locumd.values(delegate) == wanted
        assert sorted(shared_locumd.txt(delegate.fulldomain, edns=0)) == sorted(wanted)


def test_updates_of_one_delegate_at_once_keep_sixteen(shared_locumd, delegate):
    values = [make_txt(f"race{i}") for i in range(32)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda value: shared_locumd.update(delegate, value), values))
    kept = shared_locumd.values(delegate)
    assert len(kept) == len(set(kept)) == 16
    assert set(kept) <= set(values)
    assert sorted(shared_locumd.txt(delegate.fulldomain, edns=0)) == sorted(kept)


# ---- age ----

def test_values_leave_by_age(locumd):
    server = locumd(zones=[{"name": "old.example.org", "nameservers": ["ns1.example.net"],
                            "contact": "hostmaster@example.org", "value-lifetime": "2s"}])
    delegate = server.register()
    first, = fill(server, delegate, 1)
    assert server.txt(delegate.fulldomain) == [first]
    harness.await_condition(lambda: server.txt(delegate.fulldomain) == [], timeout=20)
    assert server.values(delegate) == []
    second, = fill(server, delegate, 1, start=1)
    assert server.txt(delegate.fulldomain) == [second]


def test_values_stay_over_a_restart_and_a_crash(locumd):
    server = locumd()
    delegate = server.register()
    values = fill(server, delegate, 3)
    server.restart()
    assert server.values(delegate) == values
    values += fill(server, delegate, 2, start=3)
    server.restart(kill=True)
    assert server.values(delegate) == values
    assert sorted(server.txt(delegate.fulldomain)) == sorted(values)


# ---- clear ----

def test_clear_one_value(shared_locumd, delegate):
    values = fill(shared_locumd, delegate, 3)
    answer = shared_locumd.http("POST", "/api/v1/clear",
                                {"subdomain": delegate.subdomain, "txt": values[1]}, delegate.headers)
    assert outcome(answer) == (200, b'{"cleared": 1}')
    assert answer.header("Content-Type") == "application/json"
    assert shared_locumd.values(delegate) == [values[0], values[2]]
    assert sorted(shared_locumd.txt(delegate.fulldomain)) == sorted([values[0], values[2]])
    assert shared_locumd.clear(delegate, values[1]) == 0


def test_clear_all_values(shared_locumd, delegate):
    values = fill(shared_locumd, delegate, 4)
    answer = shared_locumd.http("POST", "/api/v1/clear", {"subdomain": delegate.subdomain},
                                delegate.headers)
    assert outcome(answer) == (200, b'{"cleared": 4}')
    assert shared_locumd.values(delegate) == []
    assert shared_locumd.txt(delegate.fulldomain) == []
    assert shared_locumd.clear(delegate) == 0
    shared_locumd.update(delegate, values[0])
    assert shared_locumd.txt(delegate.fulldomain) == [values[0]]


def test_null_is_all_values(shared_locumd, delegate):
    fill(shared_locumd, delegate, 2)
    answer = shared_locumd.http("POST", "/api/v1/clear",
                                {"SubDomain": delegate.subdomain, "Txt": None}, delegate.basic)
    assert outcome(answer) == (200, b'{"cleared": 2}')


@pytest.mark.parametrize("txt", ["", "x", "a" * 42, "a" * 44, "a" * 42 + "=", 5, True, [], {}])
def test_clear_of_a_malformed_value_is_bad_txt_and_clears_nothing(shared_locumd, delegate, txt):
    values = fill(shared_locumd, delegate, 2)
    answer = shared_locumd.http("POST", "/api/v1/clear",
                                {"subdomain": delegate.subdomain, "txt": txt}, delegate.headers)
    assert outcome(answer) == (400, b'{"error": "bad_txt"}')
    assert shared_locumd.values(delegate) == values


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"[]", b"junk", b'{"subdomain":"x"}',
                                  b'{"txt":null}'])
def test_clear_without_the_subdomain_is_forbidden(shared_locumd, delegate, body):
    values = fill(shared_locumd, delegate, 1)
    answer = shared_locumd.http("POST", "/api/v1/clear", body, delegate.headers)
    assert outcome(answer) == FORBIDDEN
    assert shared_locumd.values(delegate) == values


def test_clear_with_a_key_given_twice_is_forbidden(shared_locumd, delegate):
    values = fill(shared_locumd, delegate, 1)
    body = (f'{{"subdomain":"{delegate.subdomain}","txt":"{make_txt("none")}","Txt":null}}').encode()
    answer = shared_locumd.http("POST", "/api/v1/clear", body, delegate.headers)
    assert outcome(answer) == FORBIDDEN
    assert shared_locumd.values(delegate) == values


def test_clear_needs_the_delegates_own_key(shared_locumd, delegate):
    other = shared_locumd.register()
    values = fill(shared_locumd, delegate, 1)
    for headers in ({}, other.headers, {"X-Api-User": delegate.username},
                    {"X-Api-User": delegate.username, "X-Api-Key": "x" * 40}, other.basic):
        answer = shared_locumd.http("POST", "/api/v1/clear", {"subdomain": delegate.subdomain},
                                    headers)
        assert outcome(answer) == FORBIDDEN
    assert shared_locumd.values(delegate) == values


def test_clear_knows_its_method(shared_locumd):
    answer = shared_locumd.http("GET", "/api/v1/clear")
    assert answer.status == 405
    assert "POST" in answer.header("Allow")


# ---- the list of values ----

def test_values_lists_with_the_time_of_arrival(shared_locumd, delegate):
    before = datetime.datetime.now(datetime.timezone.utc)
    values = fill(shared_locumd, delegate, 3)
    after = datetime.datetime.now(datetime.timezone.utc)
    for headers in (delegate.headers, delegate.basic):
        answer = shared_locumd.http("GET", "/api/v1/values", headers=headers)
        assert answer.status == 200
        assert answer.header("Content-Type") == "application/json"
        fields = answer.json()
        assert fields["fulldomain"] == delegate.fulldomain
        assert fields["subdomain"] == delegate.subdomain
        assert [value["txt"] for value in fields["values"]] == values
        times = []
        for value in fields["values"]:
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value["added"])
            times.append(datetime.datetime.fromisoformat(value["added"].replace("Z", "+00:00")))
        assert times == sorted(times)
        second = datetime.timedelta(seconds=1)
        assert before - second <= times[0] and times[-1] <= after + second


def test_values_of_a_fresh_delegate_are_none(shared_locumd, delegate):
    fields = shared_locumd.http("GET", "/api/v1/values", headers=delegate.headers).json()
    assert fields == {"fulldomain": delegate.fulldomain, "subdomain": delegate.subdomain, "values": []}


def test_values_without_credentials_are_forbidden(shared_locumd, delegate):
    for headers in ({}, {"X-Api-User": delegate.username, "X-Api-Key": "x" * 40},
                    {"Authorization": "Basic Og=="}):
        answer = shared_locumd.http("GET", "/api/v1/values", headers=headers)
        assert outcome(answer) == FORBIDDEN
        assert answer.header("WWW-Authenticate") is None


def test_own_api_is_behind_cors_too(shared_locumd, delegate):
    answer = shared_locumd.http("OPTIONS", "/api/v1/clear", headers={
        "Origin": "https://a.example", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-api-key,x-api-user"})
    assert answer.status == 204
    assert answer.header("Access-Control-Allow-Origin") == "*"
    answer = shared_locumd.http("GET", "/api/v1/values",
                                headers=dict(delegate.headers, Origin="https://a.example"))
    assert answer.header("Access-Control-Allow-Origin") == "*"
    assert answer.header("X-Request-Id")


def test_both_prefixes_write_the_same_set(shared_locumd, delegate):
    one, two = make_txt("one"), make_txt("two")
    shared_locumd.update(delegate, one, "")
    shared_locumd.update(delegate, two, COMPAT)
    assert shared_locumd.values(delegate) == [one, two]
