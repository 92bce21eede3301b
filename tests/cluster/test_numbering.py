"""Whatever is lost, repeated or late: every message arrives once, and in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sweeps.cluster.numbering import Inbox, Outbox


class Calls(RuleBasedStateMachine):
    """A driver and a host whose calls may be carried out late, several times, or never.

    A call or an answer that is on its way stays there, so it may be delivered again at any time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.said: dict[str, list[Any]] = {"driver": [], "host": []}
        self.heard: dict[str, list[Any]] = {"driver": [], "host": []}
        self.driver = Outbox(), Inbox()
        self.host = Outbox(), Inbox()
        self.calls: list[Callable[[], None]] = []
        self.answers: list[Callable[[], None]] = []

    @rule()
    def the_driver_says(self) -> None:
        self.said["driver"].append(("to host", len(self.said["driver"])))
        self.driver[0].put(self.said["driver"][-1])

    @rule()
    def the_host_says(self) -> None:
        self.said["host"].append(("to driver", len(self.said["host"])))
        self.host[0].put(self.said["host"][-1])

    @rule()
    def tell(self) -> None:
        first, messages = self.driver[0].after(0)

        def carried_out() -> None:
            self.heard["host"] += self.host[1].new(first, messages)
            last = self.host[1].last
            self.answers.append(lambda: self.driver[0].after(last) and None)

        self.calls.append(carried_out)

    @rule()
    def take(self) -> None:
        after = self.driver[1].last

        def carried_out() -> None:
            first, messages = self.host[0].after(after)
            self.answers.append(lambda: self._took(first, messages))

        self.calls.append(carried_out)

    def _took(self, first: int, messages: list[Any]) -> None:
        self.heard["driver"] += self.driver[1].new(first, messages)

    @rule(which=st.integers(0, 1 << 16))
    def a_call_is_carried_out(self, which: int) -> None:
        if self.calls:
            self.calls[which % len(self.calls)]()

    @rule(which=st.integers(0, 1 << 16))
    def an_answer_arrives(self, which: int) -> None:
        if self.answers:
            self.answers[which % len(self.answers)]()

    @invariant()
    def each_end_has_heard_a_beginning_of_what_was_said(self) -> None:
        assert self.heard["host"] == self.said["driver"][: len(self.heard["host"])]
        assert self.heard["driver"] == self.said["host"][: len(self.heard["driver"])]

    def teardown(self) -> None:
        """Once calls get through, everything arrives."""
        for call in (self.tell, self.take):
            call()
            self.calls[-1]()
            self.answers[-1]()
        assert self.heard == {"host": self.said["driver"], "driver": self.said["host"]}
        assert not self.driver[0]


TestNumbering = Calls.TestCase
TestNumbering.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
