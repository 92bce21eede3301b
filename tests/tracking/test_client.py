"""What MLflow's faults are called, and what its messages do not repeat."""

import os
import traceback

import pytest

from sweeps.tracking.client import PASSWORD, USER, connect, reason
from tests.tracking.servers import free_port

SECRET = "s3cr%40et"


def test_a_password_is_in_no_message_of_a_server_that_is_away(monkeypatch):
    for name in (USER, PASSWORD):
        monkeypatch.setenv(name, "")  # what an address sets is gone after the test
    with pytest.raises(Exception, match="Connection refused") as away:
        connect(f"http://me:{SECRET}@127.0.0.1:{free_port()}/team")
    assert reason(away.value) == "Connection refused"
    said = "".join(traceback.format_exception(away.value))
    assert "s3cr" not in said


def test_a_password_of_one_address_is_not_sent_to_another(monkeypatch):
    for name in (USER, PASSWORD):
        monkeypatch.setenv(name, "")
    for address in (
        f"http://me:{SECRET}@127.0.0.1:{free_port()}",
        f"http://127.0.0.1:{free_port()}",
    ):
        with pytest.raises(Exception, match="Connection refused"):
            connect(address)
    assert not os.environ.get(USER)
    assert not os.environ.get(PASSWORD)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "API request to endpoint /api/x failed with error code 401 != 200. Response body: '<h",
            "401: it accepts no such user or token",
        ),
        (
            "API request to endpoint /api/x failed with error code 418 != 200. Response body: ''",
            "418: API request to endpoint /api/x failed",
        ),
        ("one line\nand another", "one line"),
        ("no host 'x': [Errno -2] Name or service not known", "no host 'x': [Errno -2] Name"),
        ("", "ValueError"),
    ],
)
def test_a_fault_is_one_line(said, shown):
    assert reason(ValueError(said)).startswith(shown)
    assert "\n" not in reason(ValueError(said))
