"""
In the place of `dagster api grpc`, as far as the reader knows it: it listens at its socket once the module is imported, ends when that fails, and
ends at SIGTERM. Whoever connects is told its id and its process. test/e2e/dags has the real one.
"""

import importlib
import os
import signal
import socket
import sys

options = dict(zip(sys.argv[3::2], sys.argv[4::2]))
sys.path.insert(0, options["-d"])
importlib.import_module(options["-m"])
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
listener = socket.socket(socket.AF_UNIX)
listener.bind(options["--socket"])
listener.listen()
while True:
    connection, _ = listener.accept()
    with connection:
        try:
            connection.sendall(f"{options['--fixed-server-id']} {os.getpid()}".encode())
        except OSError:
            pass  # who only looks whether it listens hangs up
