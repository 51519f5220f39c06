"""Directive `modules`: the documentation of a package's modules, one after the other, from their docstrings.

    ```{modules} crend.io
    ```

Of a package without folders of its own, such as `crend` itself, `:top:` takes the modules beside its `__init__` only.
"""

import pkgutil
from importlib import import_module

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from docutils.statemachine import StringList

#: What a reader does not call: programs and re-exports.
LEFT_OUT = ("__main__",)


class Modules(Directive):
    """A heading and autodoc's answer for each module."""

    required_arguments = 1
    option_spec = {"top": directives.flag}  # noqa: RUF012 - as docutils has it

    def run(self):
        """The nodes that stand for the directive."""
        lines = [line for name in modules_of(self.arguments[0], "top" in self.options) for line in section(name)]
        parent = nodes.Element()
        self.state.nested_parse(
            StringList(lines, source=self.state.document.current_source), self.content_offset, parent, match_titles=True
        )
        return parent.children


def modules_of(package, top=False):
    """Names of the modules in a package, sorted; with `top`, not those of its folders."""
    found = pkgutil.iter_modules(import_module(package).__path__)
    return sorted(f"{package}.{info.name}" for info in found if info.name not in LEFT_OUT and not (top and info.ispkg))


def section(name):
    """Markdown lines for one module."""
    return [f"## {name}", "", "```{eval-rst}", f".. automodule:: {name}", "```", ""]


def setup(app):
    """Called by Sphinx."""
    app.add_directive("modules", Modules)
    return {"parallel_read_safe": True}
