"""A YAML file becomes a mapping, or one line that says where it goes wrong."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml


class YamlProblem(Exception):
    """A file that holds no configuration; its text is one readable line."""


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, except that a key written twice is an error and not a silent choice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                continue
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key_node.value!r} is written twice; drop one of them",
                    problem_mark=key_node.start_mark,
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping that a file holds; raises YamlProblem naming file, line and remedy."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise YamlProblem(f"{path}: there is no such file; check the path") from None
    except UnicodeDecodeError as problem:
        raise YamlProblem(f"{path}: is not UTF-8 text (byte {problem.start}); save it so") from None
    except OSError as problem:
        raise YamlProblem(f"{path}: cannot be read: {problem.strerror}") from None
    try:
        tree = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as problem:
        raise YamlProblem(_at_mark(path, problem)) from None
    except (yaml.YAMLError, ValueError) as problem:
        reason = str(problem).splitlines()[0]
        raise YamlProblem(f"{path}: is not YAML: {reason}; correct it") from None
    if not isinstance(tree, dict):
        found = "nothing" if tree is None else type(tree).__name__
        raise YamlProblem(
            f"{path}: holds {found} where a mapping is due; begin with a line 'deployments:'"
        )
    return tree


def _at_mark(path: Path, problem: yaml.MarkedYAMLError) -> str:
    mark = problem.problem_mark or problem.context_mark
    where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    reason = problem.problem or problem.context or "it cannot be read"
    return f"{path}{where}: not valid YAML: {reason}"
