"""How long things may grow, and what they may be called."""

from __future__ import annotations

import ast

from tests.house.source import functions, sources

FILE_LINES = 400
FUNCTION_LINES = 40
PARAMETERS = 6
POSITIONAL = 4
"""Three and the receiver: what follows is keyword-only."""
FORBIDDEN = {"utils", "helpers", "common", "misc", "manager", "handler", "process", "data", "info"}


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    docstring = ast.get_docstring(node, clean=False)
    last = node.end_lineno or node.lineno
    return last - node.lineno + 1 - (len(docstring.splitlines()) if docstring else 0)


def test_every_file_stays_under_its_budget() -> None:
    long = {s.name: len(s.text.splitlines()) for s in sources()}
    assert {name: lines for name, lines in long.items() if lines > FILE_LINES} == {}


def test_every_function_stays_under_its_budget() -> None:
    long = [
        f"{source.name}:{node.lineno} {node.name}: {length(node)} lines"
        for source in sources()
        for node in functions(source)
        if length(node) > FUNCTION_LINES
    ]
    assert long == []


def test_no_function_asks_for_too_many_parameters() -> None:
    wide = [
        f"{source.name}:{node.lineno} {node.name}"
        for source in sources()
        for node in functions(source)
        if not source.name.endswith("cli.py")
        and (
            len([*node.args.args, *node.args.kwonlyargs]) > PARAMETERS + 1
            or len(node.args.args) > POSITIONAL
        )
    ]
    assert wide == []


def test_no_module_function_or_class_has_an_empty_name() -> None:
    modules = [s.name for s in sources() if set(s.path.stem.split("_")) & FORBIDDEN]
    definitions = [
        f"{source.name}:{node.lineno} {node.name}"
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and node.name.lower() in FORBIDDEN
    ]
    assert modules + definitions == []


def test_every_module_says_what_it_does_in_its_first_line() -> None:
    assert [s.name for s in sources() if not ast.get_docstring(s.tree)] == []


def broad(node: ast.ExceptHandler) -> bool:
    """`except:` and `except (Base)Exception`, alone or in a tuple."""
    names = {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)} if node.type else {""}
    return bool(names & {"", "Exception", "BaseException"})


def test_a_broad_except_stands_only_at_the_edge_of_a_worker_and_says_why() -> None:
    unexplained = [
        f"{source.name}:{node.lineno}"
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler) and broad(node)
        if "edge" not in source.text.splitlines()[node.lineno - 1]
    ]
    assert unexplained == []


def test_the_environment_is_read_in_the_few_places_that_say_so() -> None:
    readers = {s.name for s in sources() if "os.environ" in s.text or "os.getenv" in s.text}
    # LiteLLM knows no other way to be told what it must not do while it is imported.
    told = {"gateway/upstreams/litellm_engine.py", "probes/litellm_line.py"}
    assert readers <= {"gateway/config.py", "probes/home.py", "probes/secrets.py"} | told
