"""Reads a compose file strictly: exit status 1 where it breaks the specification, 3 where nothing can read it."""

import sys

try:
    from compose_spec import PyCompose
except ImportError as error:
    sys.stderr.write(f"{error}\n")
    sys.exit(3)

with open(sys.argv[1], encoding="utf-8") as file:
    try:
        PyCompose.from_yaml(file.read()).validate()
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
