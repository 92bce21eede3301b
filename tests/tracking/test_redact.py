"""Passwords of addresses are hidden, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.tracking import redact as redacting
from sweeps.tracking.redact import misread, redact, remember

SECRET = st.text(
    st.characters(codec="utf-8", exclude_categories=("Z", "C")), min_size=1, max_size=20
).map(lambda word: f"s3cr{word}et")


@pytest.mark.parametrize(
    "address",
    [
        "sqlite:////home/me@work/mlflow.db",
        "sqlite:///C:/data/mlflow.db",
        "http://127.0.0.1:5000/#/experiments/1/runs?workflowType=machine_learning",
        "postgresql://me@db.example.com/optuna",
        "file:///a/b/c",
        "mail me@work.org: nothing to hide",
    ],
)
def test_addresses_without_a_password_stay(address):
    assert redact(address) == address


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://me:pw@db/optuna", "postgresql://me:***@db/optuna"),
        ("mysql+pymysql://me:p@ss/w:rd@db:3306/x", "mysql+pymysql://me:***@db:3306/x"),
        ("https://:pw@mlflow.example.com", "https://:***@mlflow.example.com"),
        ("https://to-ken@mlflow.example.com/a", "https://***@mlflow.example.com/a"),
        (
            "postgresql://db/x?user=me&password=pw&x=1",
            "postgresql://db/x?user=me&password=***&x=1",
        ),
        ("http://db/x?access_token=pw#top", "http://db/x?access_token=***#top"),
    ],
)
def test_passwords_are_hidden(address, shown):
    assert redact(address) == shown


@given(SECRET)
def test_no_password_survives_inside_a_message(secret):
    message = f"cannot connect to postgresql://me:{secret}@db:5432/x (timeout)"
    assert secret not in redact(message)
    assert redact(message).endswith("@db:5432/x (timeout)")


def test_redacting_twice_changes_nothing():
    once = redact("postgresql://me:pw@db/x?password=pw")
    assert redact(once) == once


@pytest.mark.parametrize(
    ("address", "message", "shown"),
    [
        (
            "postgresql://me:left@right/rest@db/x",
            "failed to resolve host 'right': no such name",
            "failed to resolve host '***': no such name",
        ),
        ("postgresql://me:a%40bcd@db/x", "no a@bcd, no a%40bcd", "no ***, no ***"),
        ("postgresql://db/x?password=one%2Ftwo", "database 'one/two'", "database '***'"),
        ("postgresql://me:data@db/x", "the database has no data", "the database has no ***"),
        ("sqlite:////home/me@work/mlflow.db", "no work", "no work"),
    ],
)
def test_pieces_of_a_password_that_was_not_escaped_are_hidden(
    address, message, shown, monkeypatch
):
    monkeypatch.setattr(redacting, "_known", set())
    remember(address)
    assert redact(message) == shown


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://me:left@right@db/x", "@ but the last"),
        ("http://me:a#b/c@db", "/ as %2F, # as %23"),
        ("postgresql://me:left%40right@db/x", None),
        ("postgresql://me:a/b c:d@db/x", None),
        ("postgresql://me@db/x?password=a", None),
        ("http://me:left@right@db", None),
        ("http://mlflow:5000/a@b", None),
    ],
)
def test_a_password_that_ends_too_early_is_told(address, shown):
    said = misread(address)
    assert (said is None) if shown is None else (said is not None and shown in said)


def test_a_password_with_spaces_is_hidden(monkeypatch):
    monkeypatch.setattr(redacting, "_known", set())
    address = "postgresql://me:my own word@db/x"
    remember(address)
    assert redact(f"{address} refuses") == "postgresql://me:***@db/x refuses"
