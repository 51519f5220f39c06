"""Directive `command-reference`: usage, arguments and options of a command line, read from the program itself.

    ```{command-reference} crend segment
    ```

Without a command after the program's name, all of its commands follow one another.
"""

from importlib import import_module

from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

PROGRAMS = {"crend": "crend.cli", "crend-training": "crend_training.cli.app"}
#: The same in every command; said once on the page.
EVERYWHERE = {"--help", "-h"}


class CommandReference(Directive):
    """Heading, first line, and a table of arguments and options for one command or for all of a program."""

    required_arguments = 1
    optional_arguments = 1

    def run(self):
        """The nodes that stand for the directive."""
        from docutils import nodes

        program, *wanted = self.arguments
        lines = []
        for name, command in commands_of(program).items():
            if not wanted or name in wanted:
                lines += describe(program, name, command)
        parent = nodes.Element()
        self.state.nested_parse(
            StringList(lines, source=self.state.document.current_source), self.content_offset, parent, match_titles=True
        )
        return parent.children


def commands_of(program):
    """{name: command} of a program, in its own order."""
    from typer.main import get_command

    return get_command(import_module(PROGRAMS[program]).app).commands


def describe(program, name, command):
    """Markdown lines for one command."""
    parameters = [parameter for parameter in command.params if not EVERYWHERE & set(parameter.opts)]
    arguments = [parameter for parameter in parameters if parameter.param_type_name == "argument"]
    usage = " ".join([program, name, *(metavar_of(parameter) for parameter in arguments)])
    lines = [f"### {program} {name}", "", *(command.help or "").strip().splitlines(), "", "```text", usage, "```", ""]
    if parameters:
        lines += ["| argument or option | default | meaning |", "|---|---|---|", *map(row_of, parameters), ""]
    return lines


def row_of(parameter):
    """A row of the table. A required option is called so; a flag shows no default."""
    if parameter.param_type_name == "argument":
        name, default = f"`{metavar_of(parameter)}`", "required" if parameter.required else ""
    else:
        value = "" if parameter.is_flag else " " + metavar_of(parameter)
        name = ", ".join(f"`{option}{value}`" for option in (*parameter.opts, *parameter.secondary_opts))
        default = "required" if parameter.required else default_of(parameter)
    return f"| {escape(name)} | {default} | {escape(parameter.help or '')} |"


def default_of(parameter):
    """The default as somebody would type it; empty for a flag or where there is none."""
    value = parameter.default
    if parameter.is_flag or value is None or callable(value) or value in ((), []):
        return ""
    return f"`{' '.join(map(str, value)) if isinstance(value, (tuple, list)) else value}`"


def metavar_of(parameter):
    """What stands for the value: the program's own word, or the parameter's name in capitals."""
    if parameter.metavar:
        return parameter.metavar
    return (parameter.name or "").upper().replace("_", "-")


def escape(text):
    """Text that may stand in a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def setup(app):
    """Called by Sphinx."""
    app.add_directive("command-reference", CommandReference)
    return {"parallel_read_safe": True}
