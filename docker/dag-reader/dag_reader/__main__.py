"""
Brings published versions of DAG code to the disk of a container.

    python -m dag_reader init               waits until every location is there whole, and ends
    python -m dag_reader follow             goes on following the pointers, and the list of locations, until SIGTERM
    python -m dag_reader serve <port>       is the code server of its location, on the version that is current
    python -m dag_reader run -- <command>   fetches the versions that the command names, and becomes the command
"""

import asyncio
import os
import signal
import sys
import time

from .named import fetch_named
from .reader import Reader, log, pause
from .serve import serve
from .settings import Settings, SettingsError, read_settings
from .store import StoreError
from .versions import BadVersion


def init(settings: Settings) -> int:
    reader = Reader(settings)
    while True:
        reader.look()
        if reader.is_whole():
            return 0
        if reader.is_hopeless():
            return 1
        time.sleep(min(reader.poll_seconds(), 5))


def follow(settings: Settings) -> int:
    reader = Reader(settings)
    while True:
        reader.look()
        time.sleep(pause(reader.poll_seconds()))


def run(settings: Settings, command: list[str]) -> int:
    """
    Dagster's command for a run holds the working directory that the run was planned in, and the run loads its code from there.
    One that names no folder of a location has no code here.
    """
    versions = fetch_named(settings, " ".join(command))
    if not versions:
        # The command itself may hold a password: Dagster puts the settings of its instance into it.
        log("failed", error=f"The command names no version below {settings.root}: the run was planned with other code.")
        return 1
    log("ready", versions=versions)
    os.execvp(command[0], command)


def main(arguments: list[str]) -> int:
    # As the first process of a container it would not be ended by a signal that it does not handle.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        match arguments:
            case ["init"]:
                return init(read_settings())
            case ["follow"]:
                return follow(read_settings())
            case ["serve", port] if port.isdecimal():
                return asyncio.run(serve(read_settings(), int(port)))
            case ["run", "--", *command] if command:
                return run(read_settings(), command)
            case _:
                print(__doc__.strip(), file=sys.stderr)
                return 2
    except SettingsError as error:
        log("failed", error=str(error))
        return 2
    except (StoreError, BadVersion) as error:
        log("failed", error=str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
