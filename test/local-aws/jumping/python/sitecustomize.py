"""Loaded by Python before anything else: the clock is that of the bed, and to sleep is to have the bed jump."""

import datetime
import os
import socket
import time

_port, _first = (float(part) for part in os.environ["JUMPING_CLOCK"].split())
_bed = socket.create_connection(("127.0.0.1", int(_port)))
_answers = _bed.makefile("r")
_ahead = _first
_time, _monotonic = time.time, time.monotonic


def _now():
    return _time() + _ahead / 1000


def _sleep(seconds):
    global _ahead
    _bed.sendall(f"{(_now() + seconds) * 1000}\n".encode())
    _ahead = float(_answers.readline())


time.time = _now
time.monotonic = lambda: _monotonic() + (_ahead - _first) / 1000
time.sleep = _sleep

_datetime = datetime.datetime


class _Kind(type):
    def __instancecheck__(cls, value):
        return isinstance(value, _datetime)


class _Datetime(_datetime, metaclass=_Kind):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(_now(), tz)

    @classmethod
    def utcnow(cls):
        return cls.fromtimestamp(_now(), datetime.timezone.utc).replace(tzinfo=None)


datetime.datetime = _Datetime
