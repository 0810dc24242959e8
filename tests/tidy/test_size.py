"""Nothing grows past what one can read in one go."""

from tests.tidy.repository import functions_of, python_files, text_of, tree_of

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 60


def test_no_file_is_longer_than_the_wall() -> None:
    long = {name: len(text_of(name).splitlines()) for name in python_files()}
    assert {name: lines for name, lines in long.items() if lines > FILE_LINES_MAX} == {}


def test_no_function_is_longer_than_the_wall() -> None:
    long = {
        f"{name}::{function}": lines
        for name in python_files()
        for function, node in functions_of(tree_of(name))
        if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    }
    assert long == {}
