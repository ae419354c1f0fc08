"""Julia source read by a parser: what is wrong with it, without a Julia."""

from __future__ import annotations

import tree_sitter_julia
from tree_sitter import Language, Node, Parser

__all__ = ["statements", "syntax_errors"]

_PARSER = Parser(Language(tree_sitter_julia.language()))


def syntax_errors(source: str) -> list[str]:
    """Line and text of each place that is not Julia."""
    tree = _PARSER.parse(source.encode())
    return [
        f"line {node.start_point[0] + 1}: {source.encode()[node.start_byte : node.end_byte][:60]!r}"
        for node in _nodes(tree.root_node)
        if node.is_error or node.is_missing
    ]


def _nodes(node: Node) -> list[Node]:
    found = [node]
    for child in node.children:
        found += _nodes(child)
    return found


def statements(source: str) -> list[str]:
    """Every word of the program in order, without comments; strings are words by what they hold."""
    tree = _PARSER.parse(source.encode())
    return [
        node.text.decode()
        for node in _nodes(tree.root_node)
        if node.text and not node.children and "comment" not in node.type
    ]
