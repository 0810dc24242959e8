"""What others wrote is shown as they wrote it."""

import pytest

from thingmarket_node.cli.output import Output

DID = "did:key:z6MkueEcUYpVXEdAUb7ztquifGBNDegFNLJhCv8Hzkk9CzXW"


@pytest.mark.parametrize("text", [DID, "[red]Ink[/red]", "Ink [/]", "Ink [link=file:x]", "Ink :smile:"])
def test_a_table_shows_ids_and_titles_letter_by_letter(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).table("offers", ("title",), [(text,)])
    assert capsys.readouterr().out.splitlines()[-1].strip() == text
