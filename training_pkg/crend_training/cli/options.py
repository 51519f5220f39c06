"""Options that several commands have."""

import typer

AUTHOR = typer.Option("", help="Who answers for the bundle: a person or an institution.")
LICENCE = typer.Option("", help="Of the bundle's weights: an SPDX identifier such as CC-BY-4.0, a text file, or words.")
INTENDED_USE = typer.Option("", help="What the bundle is for, in a sentence.")
COMPONENTS = typer.Option(
    False,
    "--components",
    help="Of the list: every connected piece of a follicle's label is a follicle, for labels that have one number for all of them.",
)
CONFIG = typer.Argument(..., metavar="CONFIG", help="The configuration, a YAML file such as those in crend_training/configs.")
