"""Settings of the documentation: `make docs` builds it into build/docs; every warning is an error."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "docs" / "_extensions"), str(ROOT / "CRendSegmentation"), str(ROOT / "training_pkg")]

import crend  # noqa: E402

project = "CRend"
author = "CRend developers"
project_copyright = "CRend developers; Apache License 2.0"
version = release = crend.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "api_pages", "command_reference", "plain_docstrings"]
exclude_patterns = ["_extensions"]
source_suffix = {".md": "markdown"}
nitpicky = False

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"CRend {release}"
html_logo = str(ROOT / "Resources" / "CRend.png")
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "source_repository": "https://github.com/SlicerCRend/SlicerCRend/",
    "source_branch": "main",
    "source_directory": "docs/",
}

autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
