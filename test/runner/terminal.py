"""Runs a command in a terminal of its own: terminal.py <columns> <text> <keys> <command…>

What the terminal is sent goes to standard output. The keys are typed once, when the text has been shown; an empty text: never.
Ends as the command does.
"""

import fcntl
import os
import pty
import struct
import sys
import termios

columns, awaited, keys, command = int(sys.argv[1]), sys.argv[2].encode(), sys.argv[3].encode(), sys.argv[4:]
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    os.execvp(command[0], command)

shown = b""
typed = awaited == b""
while True:
    try:
        part = os.read(terminal, 65536)
    except OSError:  # the command is gone, and its end of the terminal with it
        break
    if part == b"":
        break
    sys.stdout.buffer.write(part)
    sys.stdout.flush()
    shown += part
    if not typed and awaited in shown:
        os.write(terminal, keys)
        typed = True
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status))
