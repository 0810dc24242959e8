"""What others wrote is shown as they wrote it."""

import pytest

from thingmarket_node.cli.output import Output

DID = "did:key:z6MkueEcUYpVXEdAUb7ztquifGBNDegFNLJhCv8Hzkk9CzXW"


@pytest.mark.parametrize("text", [DID, "[red]Ink[/red]", "Ink [/]", "Ink [link=file:x]", "Ink :smile:"])
def test_a_table_shows_ids_and_titles_letter_by_letter(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).table("offers", ("title",), [(text,)])
    assert capsys.readouterr().out.splitlines()[-1].strip() == text


def test_a_title_is_not_broken_however_narrow_its_table_is(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).table("EUR at log position 43", ("who",), [("a",)])
    assert capsys.readouterr().out.splitlines()[0] == "EUR at log position 43"


def test_no_line_of_a_table_ends_in_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).table("offers", ("title", "why"), [("Ink", "a long reason"), ("Paper", "")])
    lines = capsys.readouterr().out.splitlines()
    assert lines == [line.rstrip() for line in lines]


def test_a_table_without_rows_says_that_there_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).table("offers", ("title",), [])
    assert capsys.readouterr().out == "offers\n  none\n"
