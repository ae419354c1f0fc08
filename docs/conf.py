"""The documentation site: ``sphinx-build -W --keep-going docs site`` builds it, without a network.

Notebooks are executed by the tests, which leave executed copies for the site; what has none is executed here.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pysymude

DOCS = Path(__file__).parent

project = "pysymude"
author = "The pysymude developers"
copyright = author  # noqa: A001 - Sphinx' name
version = release = pysymude.__version__

extensions = ["sphinx.ext.autodoc", "numpydoc", "myst_nb", "sphinx_copybutton"]
exclude_patterns = ["site", ".executed"]
default_role = "py:obj"  # `solve` in docstrings is a link where there is such a name

autodoc_typehints = "none"  # docstrings say it
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
add_module_names = False

myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_math_renderer = "mathml"  # browsers draw it by themselves

html_theme = "furo"
html_title = f"pysymude {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False


def executed() -> Path:
    """The folder of executed notebooks, another one for each state of the package."""
    state = hashlib.sha256()
    files = [*(DOCS.parent / "pysymude").rglob("*.py"), *(DOCS / "notebooks").glob("*.mplstyle")]
    for path in sorted(files):
        state.update(path.read_bytes())
    return DOCS / ".executed" / state.hexdigest()[:16]


nb_execution_mode = "cache"
nb_execution_cache_path = str(executed() / "cache")
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_output_stderr = "remove"
nb_merge_streams = True


def _take_executed(app: Any) -> None:
    """What the tests have executed need not be executed again; notebooks that differ are not taken."""
    from jupyter_cache import get_cache

    cache = get_cache(nb_execution_cache_path)
    for path in executed().glob("*.ipynb"):
        cache.cache_notebook_file(str(path), overwrite=True)


def _mathml(translator: Any, node: Any) -> None:
    """A formula as MathML, which needs no script and no network."""
    from docutils.nodes import SkipNode
    from latex2mathml.converter import convert

    display = "inline" if node.tagname == "math" else "block"
    translator.body.append(convert(node.astext(), display=display))
    raise SkipNode


def _signature(
    app: Any,
    what: str,
    name: str,
    obj: Any,
    options: Any,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """Classes that functions make are not called, and small defaults read better than their objects."""
    doc = obj.__doc__ or ""
    if what == "class" and "made by `" in doc:
        return "", None
    if signature:
        signature = signature.replace("mappingproxy({})", "{}").replace("<factory>", "{}")
    return signature, returns


def setup(app: Any) -> None:
    """What Sphinx calls."""
    app.connect("autodoc-process-signature", _signature)
    app.connect("builder-inited", _take_executed)
    app.add_html_math_renderer(
        "mathml", inline_renderers=(_mathml, None), block_renderers=(_mathml, None)
    )
