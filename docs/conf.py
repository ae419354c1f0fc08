"""The documentation site: ``sphinx-build -W --keep-going docs site`` builds it, without a network."""

from __future__ import annotations

from typing import Any

import pysymude

project = "pysymude"
author = "The pysymude developers"
copyright = author  # noqa: A001 - Sphinx' name
version = release = pysymude.__version__

extensions = ["sphinx.ext.autodoc", "numpydoc", "myst_parser", "sphinx_copybutton"]
exclude_patterns = ["site"]
default_role = "py:obj"  # `solve` in docstrings is a link where there is such a name

autodoc_typehints = "none"  # docstrings say it
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
add_module_names = False

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "furo"
html_title = f"pysymude {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False


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
