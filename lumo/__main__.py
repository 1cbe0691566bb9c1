"""`python -m lumo`: the `lumo` command, also where a script's first line can't hold the interpreter's path."""

from lumo.config.cli import main

main(prog_name="lumo")
