"""Protocols as tables: what may follow what, who may say it, and what silence means. [TAB-1]"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Generic, TypeVar

from thingmarket.errors import Code, Refusal

S = TypeVar("S", bound=Enum)


class Role(Enum):
    """Who sends a message of a protocol."""

    BUYER = "buyer"
    SELLER = "seller"
    NODE = "node"
    COSIGNER = "cosigner"
    THING = "thing"
    OWNER = "owner"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Step(Generic[S]):
    """One row: in `state`, `message` of `role` leads to `then`."""

    state: S
    message: str
    role: Role
    then: S


@dataclass(frozen=True, slots=True)
class Silence(Generic[S]):
    """What a state that is not final waits for, and where it goes when nobody speaks."""

    state: S
    deadline: str
    then: S


class Protocol(Generic[S]):
    """A frozen state table. Every state is final or has a deadline with an edge for silence."""

    def __init__(
        self,
        name: str,
        *,
        start: S,
        steps: tuple[Step[S], ...],
        silences: tuple[Silence[S], ...] = (),
        driven_by: str = "",
    ) -> None:
        """Check the table for completeness and freeze it; `driven_by` names the table that moves this one."""
        self.name = name
        self.start = start
        self.steps = steps
        self.silences: Mapping[S, Silence[S]] = MappingProxyType({row.state: row for row in silences})
        self._next = MappingProxyType({(row.state, row.message): row for row in steps})
        self.states: tuple[S, ...] = tuple(type(start))
        assert len(self._next) == len(steps), f"{name}: two rows for one state and message"
        self._busy = frozenset(row.state for row in steps)
        assert driven_by or self._busy == set(self.silences), f"{name}: a state waits without a deadline"

    @property
    def messages(self) -> tuple[str, ...]:
        """Names of all messages, in the order of the table."""
        return tuple(dict.fromkeys(row.message for row in self.steps))

    def is_final(self, state: S) -> bool:
        """Whether nothing may follow."""
        return state not in self._busy

    def after(self, state: S, message: str, role: Role) -> S:
        """The state after a message (WRONG_STATE, or NOT_PERMITTED when another role may say it)."""
        row = self._next.get((state, message))
        if row is None:
            raise Refusal(Code.WRONG_STATE, f"{message} while {state.value}", self.name)
        if row.role is not role:
            raise Refusal(Code.NOT_PERMITTED, f"{message} is for the {row.role.value} to say", self.name)
        return row.then

    def after_silence(self, state: S) -> S:
        """The state after the deadline of `state`."""
        return self.silences[state].then

    def diagram(self) -> str:
        """The table as a Mermaid state diagram, for the documents."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.start.value}"]
        lines += [f"    {r.state.value} --> {r.then.value}: {r.message} ({r.role.value})" for r in self.steps]
        lines += [
            f"    {r.state.value} --> {r.then.value}: silence until {r.deadline}"
            for r in self.silences.values()
        ]
        lines += [f"    {state.value} --> [*]" for state in self.states if self.is_final(state)]
        return "\n".join(lines)
