"""Data frames as tables, their index included."""

from __future__ import annotations

from typing import Any

from pysymude.errors import InvalidInputError
from pysymude.model.tables.table import Table, check_header

__all__ = ["read_frame"]

_SOURCE = "data frame"


def read_frame(frame: Any, *, decimal: str | None = None) -> Table:
    """The table in a data frame: anything with `columns` and ``frame[column]``.

    Raises
    ------
    InvalidInputError
        It is no data frame, has no rows, or column names that come twice.
    """
    try:
        labels = list(frame.columns)
        header = [str(label) for label in labels]
        empty = Table(_SOURCE, {}, [])
        check_header(empty, header, "header")
        columns: dict[str, list[object]] = {str(label): list(frame[label]) for label in labels}
    except (AttributeError, TypeError, KeyError):
        raise InvalidInputError(
            f"from_dataframe takes a data frame; found {type(frame).__name__}; "
            "for arrays use from_arrays(t, u, states=...)"
        ) from None
    index = {k: v for k, v in _index(frame).items() if k not in columns}
    if len(header) + len(index) < 2:
        raise empty.error(
            f"one column, {', '.join(header)!r}; a table needs a time column or index, and a measured one"
        )
    found = {**index, **columns}
    rows = len(next(iter(found.values())))
    if rows == 0:
        raise empty.error(f"only a header ({', '.join(header)}) and no rows under it")
    places = [f"row {i}" for i in range(rows)]
    return Table(_SOURCE, found, places, tuple(index)).styled(decimal)


def _index(frame: Any) -> dict[str, list[object]]:
    """What pandas keeps beside the columns, level by level; nothing where it only counts rows."""
    index: Any = getattr(frame, "index", None)
    names = getattr(index, "names", None)
    if names is None or (type(index).__name__ == "RangeIndex" and names[0] is None):
        return {}
    unnamed = (lambda i: "") if len(names) == 1 else "level {}".format
    return {
        unnamed(i) if name is None else str(name): list(index.get_level_values(i))
        for i, name in enumerate(names)
    }
