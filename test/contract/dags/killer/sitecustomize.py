"""Kills its process before the nth thing that it does to the disk below DAGS_ROOT."""

import os
import signal
import sys

root = os.environ.get("DAGS_ROOT", "/nowhere")
left = int(os.environ.get("KILL_AT", "0"))
changes = {"os.rename", "os.symlink", "os.mkdir", "os.chmod", "os.utime", "os.remove", "os.rmdir"}


def strike(event, arguments):
    global left
    is_write = event == "open" and any(letter in str(arguments[1] or "") for letter in "wxa+")
    if not (is_write or event in changes) or not any(root in str(argument) for argument in arguments):
        return
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


if left > 0:
    sys.addaudithook(strike)
