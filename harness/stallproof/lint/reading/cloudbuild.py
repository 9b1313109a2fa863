"""A Cloud Build file: its steps as commands, its secrets, its values, by PyYAML's node tree.

The schema: https://cloud.google.com/build/docs/build-config-file-schema
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from stallproof.lint.model import Unreadable, Word
from stallproof.lint.reading import command
from stallproof.lint.reading.command import Command, Place

BUILDERS = {"docker": "docker", "gcloud": "gcloud", "gsutil": "gsutil", "git": "git"}
"""Builder images whose own entrypoint is a program, so that `args` are its arguments."""


@dataclass(frozen=True)
class Build:
    root: yaml.MappingNode
    text: str

    def get(self, *path: str) -> yaml.Node | None:
        """The node at a path of keys."""
        return at(self.root, *path)

    def line_of(self, key: str) -> int:
        """The line of a key at the top."""
        return next(line_of(k) for k, _ in pairs(self.root) if k.value == key)

    @property
    def steps(self) -> list[yaml.Node]:
        return items(self.get("steps"))

    def commands(self) -> Iterator[Command]:
        """What the steps run.

        Raises:
            Unreadable: a script in it that cannot be parsed.
        """
        for step in self.steps:
            yield from self._commands_of(step)

    def _commands_of(self, step: yaml.Node) -> list[Command]:
        script = at(step, "script")
        if isinstance(script, yaml.ScalarNode):
            return command.of_script(self._as_script(script), Place.SHELL)
        args = at(step, "args")
        given = items(args) or ([args] if args else [])
        nodes = [node for node in given if isinstance(node, yaml.ScalarNode)]
        words = [*self._program(step, nodes), *(Word(n.value, line_of(n)) for n in nodes)]
        shell = command.script_of(words)
        for node in nodes:
            if shell is not None and shell == Word(node.value, line_of(node)):
                return command.of_script(self._as_script(node), Place.SHELL)
        return command.of_list(words)

    @staticmethod
    def _program(step: yaml.Node, args: list[yaml.ScalarNode]) -> list[Word]:
        line = line_of(args[0]) if args else line_of(step)
        entrypoint, name = at(step, "entrypoint"), at(step, "name")
        if isinstance(entrypoint, yaml.ScalarNode):
            return [Word(entrypoint.value, line)]
        image = name.value if isinstance(name, yaml.ScalarNode) else ""
        program = BUILDERS.get(re.split(r"[:@]", image.rpartition("/")[2])[0])
        return [Word(program, line)] if program else []

    def _as_script(self, node: yaml.ScalarNode) -> str:
        """A scalar's text, padded so that its lines are the file's."""
        line = line_of(node)
        if node.style not in ("|", ">"):
            return "\n" * (line - 1) + str(node.value)
        raw = self.text[node.start_mark.index : node.end_mark.index]
        body = raw.partition("\n")[2]
        if node.style == ">":  # folded: a line goes on in the next one
            body = re.sub(r"(?<=\S)\n(?=[^\S\n]*\S)", " \\\\\n", body)
        return "\n" * line + body

    def values(self) -> Iterator[Word]:
        """Every scalar that is a value, a line of text at a time."""
        for node in scalars(self.root):
            block = node.style in ("|", ">")
            raw = self.text[node.start_mark.index : node.end_mark.index] if block else node.value
            for number, text in enumerate(raw.split("\n")):
                yield Word(text, line_of(node) + number)


def read(text: str) -> Build | None:
    """The build, or None if it is well-formed YAML of some other kind.

    Raises:
        Unreadable: not YAML.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise Unreadable(line, f"not YAML: {error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise Unreadable(line, f"not YAML: {error.reason}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise Unreadable(1, f"not YAML: {error}") from None
    except RecursionError:
        raise Unreadable(1, "not YAML that can be read: nested too deeply") from None
    if isinstance(root, yaml.MappingNode) and items(at(root, "steps")):
        return Build(root, text)
    return None


def line_of(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def pairs(node: yaml.Node | None) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    """A mapping's keys and values; nothing for any other node."""
    if not isinstance(node, yaml.MappingNode):
        return []
    return [(key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)]


def items(node: yaml.Node | None) -> list[yaml.Node]:
    """A sequence's nodes; nothing for any other node."""
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def at(node: yaml.Node | None, *path: str) -> yaml.Node | None:
    """The node at a path of keys."""
    for name in path:
        node = next((value for key, value in pairs(node) if key.value == name), None)
    return node


def scalars(root: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """Every scalar value, each once, however often an alias names it."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            yield node
        waiting.extend(items(node))
        waiting.extend(value for _, value in pairs(node))
