"""What documents and help texts tell people to type exists: commands, arguments, options and choices."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.tidy.repository import ROOT, text_of, tracked
from thingmarket_node.cli.bench import NAMES as BENCHES
from thingmarket_node.cli.lazy import Group
from thingmarket_node.cli.main import program
from thingmarket_node.scenarios.engine import MODULES as SCENARIOS

INDENTED = re.compile(r"^(?:\s*\n)((?: {4}.*\n)+)", re.MULTILINE)
FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
NESTED = re.compile(r"\$\([^()]*\)")  # a command whose output is an argument
INNER = re.compile(r"\$\((thingmarket [^()|]*)")
ENDS = re.compile(r"\s+(?:&|\||\d?>).*$")  # what the shell does with a command
GROUPS = ("node", "owner", "thing", "market", "scenario", "sim")
PLACEHOLDER = re.compile(r"[A-Z]+(?:[:_|][A-Z]+)*|.*\.\.\..*|\$\w+")
OPTION_OF_SCRIPT = re.compile(r"(?<!\w)--[a-z-]+")


def documents() -> list[str]:
    return [name for name in tracked() if name.endswith(".md") and not name.startswith("tests/vectors/")]


def blocks_of(name: str) -> list[str]:
    """What a document shows to be typed, between fences or indented."""
    return FENCED.findall(text_of(name)) + INDENTED.findall(FENCED.sub("", text_of(name)))


def lines_of(block: str) -> Iterator[str]:
    """Command lines without a prompt, with what continues them, without what the shell does with them."""
    for line in block.replace("\\\n", " ").splitlines():
        bare = line.strip().removeprefix("$ ").removeprefix(".venv/bin/")
        yield from INNER.findall(bare)
        yield ENDS.sub("", re.sub(r"\s+#\s.*$", "", NESTED.sub("$X", bare)))


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield " ".join((*path, name)), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def sources() -> Iterator[tuple[str, str]]:
    """Command lines, with where they stand: fenced ones in documents, and examples in help texts."""
    for name in documents():
        for block in blocks_of(name):
            yield from ((name, line) for line in lines_of(block) if line.startswith("thingmarket "))
    for name, command in (("thingmarket", program), *commands(program)):
        text = command.get_help(click.Context(command, max_content_width=400, terminal_width=400))
        yield from ((f"help of {name}", one) for one in lines_of(text) if one.startswith("thingmarket "))


def resolved(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that words name, and what is given to it."""
    command: click.Command = program
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, f"there is no {words[0]}"
        command, words = found, words[1:]
    return command, words


def check_line(line: str) -> None:
    """Parse a whole command line as the program would; placeholders stand for anything."""
    command, given = resolved(shlex.split(line)[1:])
    if given in (["--help"], ["-h"]):
        return
    assert not isinstance(command, click.Group), "names a group, and no command of it"
    context = click.Context(command)
    values, left, _ = command.make_parser(context).parse_args(list(given))
    assert left == [], f"nothing takes {left}"
    for parameter in command.params:
        value = values.get(parameter.name)
        several = value if isinstance(value, list | tuple) else [value]
        given_it = any(isinstance(one, str) for one in several)  # what is missing is a mark of click's
        assert given_it or not parameter.required, f"lacks {parameter.name}"
        for one in several:
            if isinstance(one, str) and not PLACEHOLDER.fullmatch(one):
                check_value(parameter.type, one, parameter, context)


def check_value(
    kind: click.ParamType, value: str, parameter: click.Parameter, context: click.Context
) -> None:
    """Numbers and choices are what they may be; paths and ids are the reader's own."""
    if isinstance(kind, click.Choice | click.types.IntParamType | click.types.FloatParamType):
        kind(value, parameter, context)


def faults(found: Iterator[tuple[str, str]]) -> list[str]:
    wrong = []
    for where, line in found:
        try:
            check_line(line)
        except (AssertionError, ValueError) as error:
            wrong.append(f"{where}: {line}\n    {error}")
        except click.ClickException as error:
            wrong.append(f"{where}: {line}\n    {error.format_message()}")
    return wrong


def test_every_command_line_that_is_shown_can_be_typed() -> None:
    found = list(sources())
    assert len(found) > 100, "the texts are no longer read"
    assert faults(iter(found)) == []


@pytest.mark.parametrize(
    "line",
    [
        "thingmarket owner nosuch anna",
        "thingmarket owner",
        "thingmarket owner inbox",
        "thingmarket owner inbox anna bob",
        "thingmarket owner inbox anna --nosuch",
        "thingmarket owner lower anna printer",
        "thingmarket owner lower anna printer --to nobody",
        "thingmarket thing buy printer --quantity many",
        "thingmarket thing buy printer --quantity 0",
    ],
)
def test_a_line_that_cannot_be_typed_is_found(line: str) -> None:
    assert faults(iter([("here", line)])) != []


@pytest.mark.parametrize("name", ["owner", "thing"])
def test_every_command_of_a_long_group_stands_in_one_section_of_its_help(name: str) -> None:
    group = program.get_command(click.Context(program), name)
    assert isinstance(group, Group)
    listed = [one for names in group.sections.values() for one in names]
    assert sorted(listed) == sorted(group.commands)


def test_every_command_that_a_sentence_names_exists() -> None:
    wrong = []
    for name in documents():
        for span in SPAN.findall(FENCED.sub("", text_of(name))):
            words = " ".join(span.split()).removeprefix("thingmarket ").split()
            if len(words) < 2 or words[0] not in GROUPS or not re.fullmatch(r"[a-z-]+", words[1]):
                continue
            try:
                command, given = resolved([word for word in words if not PLACEHOLDER.fullmatch(word)])
            except AssertionError as error:
                wrong.append(f"{name}: `{span}`: {error}")
                continue
            known = {option for parameter in command.params for option in parameter.opts}
            wrong += [f"{name}: {span}: {one}" for one in given if one.startswith("--") and one not in known]
    assert wrong == []


def test_every_scenario_and_bench_that_a_text_names_exists() -> None:
    for name in documents():
        text = text_of(name)
        assert set(re.findall(r"thingmarket scenario run ([a-z][a-z-]*)", text)) <= set(SCENARIOS), name
        assert set(re.findall(r"thingmarket bench ([a-z]+)", text)) <= set(BENCHES), name


def test_every_script_that_a_document_names_exists_and_knows_its_options() -> None:
    wrong = []
    for name in documents():
        text = text_of(name)
        lines = [
            *SPAN.findall(FENCED.sub("", text)),
            *(one for block in blocks_of(name) for one in lines_of(block)),
        ]
        for line in lines:
            called = re.match(r"(?:\./)?(scripts/[\w.-]+)(.*)", line)
            if called is None:
                continue
            script = called[1]
            if not (ROOT / script).is_file():
                wrong.append(f"{name}: {script}")
                continue
            source = text_of(script) + "".join(map(text_of, tracked(f"tests/{Path(script).name}/")))
            wrong += [
                f"{name}: {script} {option}"
                for option in OPTION_OF_SCRIPT.findall(called[2])
                if option not in source
            ]
    assert wrong == []


def test_the_programs_of_the_readme_are_those_of_the_tour_which_are_run() -> None:
    programs = re.findall(r"^```python\n(.*?)^```", text_of("README.md"), re.MULTILINE | re.DOTALL)
    assert programs and all(program in text_of("docs/tour.md") for program in programs)


def test_every_link_between_documents_leads_somewhere() -> None:
    wrong = []
    for name in documents():
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)", text_of(name)):
            path = (ROOT / name).parent / target if target else ROOT / name
            if not path.exists():
                wrong.append(f"{name}: {target}")
            elif anchor and anchor not in anchors(path.read_text()):
                wrong.append(f"{name}: {target}#{anchor}")
    assert wrong == []


def anchors(text: str) -> set[str]:
    """Names that headings can be linked by."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
