"""Nothing grows past what one can read in one go."""

from tests.tidy.repository import functions_of, python_files, text_of, tracked, tree_of

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 60
COMPILED = (".pyx", ".pxd", ".pxi", ".h")


def test_no_file_is_longer_than_the_wall() -> None:
    names = [*python_files(), *(name for name in tracked() if name.endswith(COMPILED))]
    sizes = [(len(text_of(name).splitlines()), name) for name in names]
    long = [f"{lines} lines: {name}" for lines, name in sizes if lines > FILE_LINES_MAX]
    assert long == [], "\n".join(long)


def test_no_function_is_longer_than_the_wall() -> None:
    sizes = [
        ((node.end_lineno or node.lineno) - node.lineno + 1, f"{name}::{function}")
        for name in python_files()
        for function, node in functions_of(tree_of(name))
    ]
    long = [f"{lines} lines: {name}" for lines, name in sizes if lines > FUNCTION_LINES_MAX]
    assert long == [], "\n".join(long)
