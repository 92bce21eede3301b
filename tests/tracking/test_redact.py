"""Passwords of addresses are hidden, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.tracking.redact import redact

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
