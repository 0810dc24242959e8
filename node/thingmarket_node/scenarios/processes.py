"""Programs that a scenario starts, each with a process of its own, and how all of them end."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import thingmarket
import thingmarket_client
import thingmarket_node

PROGRAM: Final = (sys.executable, "-P", "-m", "thingmarket_node.cli")
COMMAND_TIMEOUT_S: Final = 60.0  # a command tries for 20 s to reach its node
STOP_TIMEOUT_S: Final = 5.0  # a node stops in less than 3 s
_LOG_TAIL_CHARS: Final = 2_000

Event = dict[str, Any]
Tell = Callable[[str], None]


class StepFailed(Exception):
    """A program did not do what the story needs of it; the story cannot go on, and the report says where."""


@dataclass(slots=True, eq=False)
class Running:
    """A program that runs until it is told to stop, and tells what it does in lines of JSON."""

    name: str
    process: "subprocess.Popen[str]"
    log: Path
    tell: Tell
    _events: "queue.Queue[Event | None]" = field(default_factory=queue.Queue)

    @classmethod
    def start(
        cls, name: str, command: Sequence[str], folder: Path, tell: Tell, *, hears: bool = False
    ) -> Self:
        """Start it in a folder; what it logs goes to a file there, what it tells is told at once.

        One that `hears` can be spoken to.
        """
        log = folder / f"{name}.log"
        with log.open("w") as stderr:
            process = subprocess.Popen(  # noqa: S603  our own program, without a shell
                command,
                cwd=folder,
                env=environment(os.environ),
                stdin=subprocess.PIPE if hears else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                start_new_session=True,  # Ctrl-C is for the scenario, which then stops them in order
            )
        running = cls(name, process, log, tell)
        threading.Thread(target=running._listen, name=f"ears of {name}", daemon=True).start()
        return running

    def say(self, line: Event) -> None:
        """Tell it something, if it hears (StepFailed)."""
        assert self.process.stdin is not None, "it was started with a pipe"
        try:
            self.process.stdin.write(json.dumps(line) + "\n")
            self.process.stdin.flush()
        except OSError:
            raise StepFailed(f"{self.name} hears nothing any more: {self.tail()}") from None

    def wait_for(self, event: str, timeout_s: float = COMMAND_TIMEOUT_S) -> Event:
        """The next event of a name; others before it are let go (StepFailed)."""
        while True:
            try:
                found = self._events.get(timeout=timeout_s)
            except queue.Empty:
                raise StepFailed(f"{self.name} did not say {event!r} within {timeout_s:g} s") from None
            if found is None:
                raise StepFailed(f"{self.name} ended before it said {event!r}: {self.tail()}")
            if found.get("event") == event:
                return found

    def result(self, timeout_s: float = COMMAND_TIMEOUT_S) -> tuple[int, Event]:
        """Wait for its end; its exit code and the last object that it gave (StepFailed)."""
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise StepFailed(f"{self.name} did not end within {timeout_s:g} s") from None
        last: Event | None = None
        while (found := self._events.get(timeout=timeout_s)) is not None:
            last = found
        if last is None:
            raise StepFailed(f"{self.name} ended with {code} and said nothing: {self.tail()}")
        return code, last

    def stop(self) -> None:
        """Ask it to end, and end it when it does not listen."""
        if self.process.stdin is not None:
            with suppress(OSError):  # what was not sent yet has nobody to read it
                self.process.stdin.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text()[-_LOG_TAIL_CHARS:].strip()

    def _listen(self) -> None:
        assert self.process.stdout is not None, "it was started with a pipe"
        with self.process.stdout as lines:
            for line in lines:
                found = _object(line)
                self._events.put(found)
                for part in str(found.get("text", "")).splitlines():
                    self.tell(f"  {self.name:<16} {part}")
        self._events.put(None)


def run_once(name: str, arguments: Sequence[str], folder: Path) -> tuple[int, Event]:
    """Run one command to its end; its exit code and the object on the last line (StepFailed)."""
    try:
        done = subprocess.run(  # noqa: S603  our own program, without a shell
            [*PROGRAM, *arguments, "--json"],
            cwd=folder,
            env=environment(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise StepFailed(f"{name} took more than {COMMAND_TIMEOUT_S:g} s") from None
    lines = done.stdout.splitlines()
    if not lines or done.returncode not in (0, 1):
        raise StepFailed(f"{name} ended with {done.returncode}: {done.stderr[-_LOG_TAIL_CHARS:].strip()}")
    return done.returncode, _object(lines[-1])


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child: it finds the same packages from any folder."""
    roots = [str(Path(module.__path__[0]).resolve().parent) for module in _PACKAGES]
    given = [str(Path(path).resolve()) for path in ours.get("PYTHONPATH", "").split(os.pathsep) if path]
    return {**ours, "PYTHONPATH": os.pathsep.join(dict.fromkeys([*roots, *given]))}


_PACKAGES: Final = (thingmarket, thingmarket_node, thingmarket_client)


def _object(line: str) -> Event:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"event": "words", "text": line.rstrip()}
