"""The YAML file of a problem: plain data, and the paths in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast

from pysymude.errors import InvalidInputError, ModelFileError
from pysymude.interchange.packages import needed
from pysymude.whole import read_whole

__all__ = ["YamlFile", "read_yaml"]

LARGEST = 5_000_000  # bytes


@dataclass(frozen=True)
class YamlFile:
    """A mapping, and the folder that its paths start from."""

    path: Path
    content: Mapping[str, Any]

    def refuse(self, problem: str) -> NoReturn:
        """Raise the error about this file.

        Raises
        ------
        ModelFileError
            Always.
        """
        raise ModelFileError(problem, where=str(self.path))

    def file(self, location: Any) -> Path:
        """A file that is named, as a path; nothing is fetched."""
        if not isinstance(location, str) or not location:
            self.refuse(f"a file is named by text; found {location!r}")
        if "://" in location:
            self.refuse(
                f"files of a problem stand beside it, and none is fetched; found {location!r}"
            )
        return self.path.parent / location

    def files(self, given: Any) -> list[Path]:
        """One file, or a list of them."""
        if given is None:
            return []
        return [self.file(one) for one in ([given] if isinstance(given, str) else self.list(given))]

    def list(self, given: Any) -> Sequence[Any]:
        """A list."""
        if not isinstance(given, list):
            self.refuse(f"a list must stand where {given!r} does")
        return cast("list[Any]", given)

    def mapping(self, given: Any) -> Mapping[str, Any]:
        """A mapping with texts as keys."""
        if given is None:
            return {}
        if not isinstance(given, Mapping):
            self.refuse(f"a mapping must stand where {given!r} does")
        return {str(k): v for k, v in cast("Mapping[Any, Any]", given).items()}


def _check_keys(node: Any, name: str) -> None:
    """An error where a mapping has a key twice, of which YAML would keep the last."""
    seen: set[int] = set()
    left = [node]
    while left:
        here = left.pop()
        if here is None or id(here) in seen or here.id == "scalar":
            continue
        seen.add(id(here))
        if here.id == "sequence":
            left += here.value
            continue
        keys: set[str] = set()
        for key, value in here.value:
            left += [key, value]
            if key.id != "scalar":
                continue
            if key.value in keys:
                raise ModelFileError(
                    f"{key.value!r} is there twice", where=f"{name} line {key.start_mark.line + 1}"
                )
            keys.add(key.value)


def read_yaml(path: str | Path) -> YamlFile:
    """The mapping in a YAML file.

    Raises
    ------
    ModelFileError
        No such file, no YAML, or something in it that is more than plain data.
    """
    if not isinstance(path, str | Path):
        raise InvalidInputError(
            f"a problem is the path of a YAML file; found {type(path).__name__}"
        )
    path = _in_folder(Path(path))
    name = str(path)
    content = read_whole(
        path, LARGEST, lambda reason: ModelFileError(reason, where=name), "larger than 5 MB"
    )
    yaml = needed("yaml")
    try:
        node = yaml.compose(content, Loader=yaml.SafeLoader)
        found = yaml.safe_load(content)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name} line {mark.line + 1}" if mark is not None else name
        problem = getattr(error, "problem", None) or "nested too deeply, or no text"
        raise ModelFileError(f"this is no plain YAML: {problem}", where=where) from None
    _check_keys(node, name)
    if not isinstance(found, Mapping):
        raise ModelFileError("a problem is a mapping such as 'format_version: 1'", where=name)
    return YamlFile(path, cast("Mapping[str, Any]", found))


def _in_folder(path: Path) -> Path:
    """The one YAML file of a folder; a path that is no folder as it is."""
    if not path.is_dir():
        return path
    there = sorted(p for p in path.iterdir() if p.suffix.lower() in (".yaml", ".yml"))
    if len(there) == 1:
        return there[0]
    names = ", ".join(p.name for p in there)
    raise ModelFileError(
        f"this folder holds several YAML files, name one of them: {names}"
        if there
        else "this folder holds no YAML file, which a problem is read from",
        where=str(path),
    )
