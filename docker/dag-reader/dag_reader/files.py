"""All Python files of the folder that Dagster loads code from: a location whose module is `dag_reader.files` needs no index at all."""

import sys

from .folder import load_folder

# Dagster puts the working directory of a location first while it imports the module.
defs = load_folder(sys.path[0])
