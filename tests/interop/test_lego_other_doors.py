"""lego against a server without TLS of its own (a proxy does it, or it is a closed network) that
asks for a registration token: it stands in the base URL, which every client can be given."""
import json

import pytest

from .harness.quickstart import V4_FIRST, V4_RENEWAL, QuickStart, kinds


@pytest.fixture(scope="module")
def world(make_world):
    return make_world(tls=False, registration={"policy": "token"})


@pytest.fixture(scope="module")
def user(world, module_home, lego_v4):
    _, token = world.server.daemon.new_token()
    base = f"{world.server.url}/token/{token}/api/v1/acme-dns-compat"
    return QuickStart(world, module_home, lego_v4, V4_FIRST.replace("{base}", base),
                      V4_RENEWAL.replace("{base}", base))


def test_S8_S13_S20_three_runs_over_http_with_a_token_in_the_path(user):
    assert kinds(user.first_rows if user.first else []) == ["register"]
    assert kinds(user.second_rows if user.second else []) == ["update"]
    assert kinds(user.third_rows if user.third else []) == ["update"]


def test_without_the_token_lego_is_told_and_nothing_is_registered(user, world, home, lego_v4):
    stranger = QuickStart(world, home, lego_v4, V4_FIRST, V4_RENEWAL)
    before = world.server.ledger()
    result = stranger.run(stranger.command)
    assert result.code != 0
    assert "registration_token_required" in result.output
    assert world.server.ledger() == before


def test_update_needs_no_token(user, world, home, lego_v4):
    """The stored credentials suffice, whatever base URL the renewing machine was given."""
    assert user.second
    renewing = QuickStart(world, home, lego_v4, V4_FIRST, V4_RENEWAL)
    renewing.storage.write_text(json.dumps(user.credentials()))
    result = renewing.run(renewing.command)
    assert result.code == 0, result
    renewing.certificate()
