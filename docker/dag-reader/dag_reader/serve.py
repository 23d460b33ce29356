"""A code server that follows the pointer of its location: a new version is loaded beside the old one, and takes its place when it is loaded."""

import asyncio
import hashlib
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from .reader import Reader, log, pause
from .settings import Settings, SettingsError


class Child:
    """A `dagster api grpc` on the folder of one version, listening at a socket of this machine."""

    def __init__(self, version: str, socket: Path, process: asyncio.subprocess.Process):
        self.version = version
        self.socket = socket
        self.process = process
        self._is_loaded = False

    async def load(self, seconds: float) -> str | None:
        """Why its code is not loaded; None when it is."""
        try:
            self._is_loaded = await asyncio.wait_for(self._listens(), seconds)
        except asyncio.TimeoutError:
            return f"its code was not loaded within {seconds:g} s"
        return None if self._is_loaded else f"it ended with {self.process.returncode}: see what Dagster has logged before"

    async def _listens(self) -> bool:
        """Once the code is loaded. False when it has ended: that is how Dagster tells code that cannot be loaded."""
        while self.process.returncode is None:
            try:
                _, writer = await asyncio.open_unix_connection(self.socket)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return True
        return False

    def end(self) -> None:
        """It answers what it was asked before, and ends. One that hangs before it is asked anything would not."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM if self._is_loaded else signal.SIGKILL)


@dataclass(frozen=True)
class Refusal:
    """A version that was tried and not loaded. It may have been for want of memory, or of a database: it is tried again, ever more seldom."""

    version: str
    tries: int
    # By the clock of time.monotonic.
    again_at: float


class CodeServer:
    def __init__(self, settings: Settings, port: int):
        if len(settings.locations) != 1:
            raise SettingsError("A code server has one location, and the variable DAGS names others.")
        self._reader = Reader(settings)
        self._followed = self._reader.locations[0]
        self._settings = settings
        self._port = port
        self._sockets = Path(tempfile.mkdtemp(prefix="dag-reader-"))
        self._child: Child | None = None
        self._children: list[Child] = []
        self._refused: Refusal | None = None

    async def run(self) -> int:
        """Ends when there is nothing that it could serve."""
        while self._child is None:
            await asyncio.to_thread(self._reader.look)
            await self._load(self._followed.versions.current())
            if self._refused is not None or self._followed.is_hopeless:
                return 1
            if self._child is None:
                await asyncio.sleep(min(5, self._settings.poll_seconds))
        await asyncio.start_server(self._forward, "0.0.0.0", self._port)
        while await self._outlives(self._child, self._turn()):
            pass
        log("failed", location=self._followed.location.name, error="the code server has ended")
        return 1

    async def _outlives(self, child: Child, work) -> bool:
        """Whether the work is done before the child ends: then it is given up."""
        ended, done = asyncio.create_task(child.process.wait()), asyncio.create_task(work)
        try:
            await asyncio.wait((ended, done), return_when=asyncio.FIRST_COMPLETED)
            if done.done():
                done.result()
            return done.done()
        finally:
            ended.cancel()
            done.cancel()

    async def _turn(self) -> None:
        await asyncio.sleep(pause(self._settings.poll_seconds))
        await asyncio.to_thread(self._reader.look)
        await self._load(self._followed.versions.current())

    async def close(self) -> None:
        for child in self._children:
            child.end()
        await asyncio.gather(*(child.process.wait() for child in self._children))

    async def _load(self, version: str | None) -> None:
        before = self._child
        if before is not None and version == before.version:
            self._refused = self._followed.refused = None
            return
        refused = self._refused if self._refused is not None and self._refused.version == version else None
        if version is None or (refused is not None and time.monotonic() < refused.again_at):
            return
        name = self._followed.location.name
        child = await self._start(version)
        error = await child.load(self._settings.load_seconds)
        if error is not None:
            child.end()
            tries = 1 if refused is None else refused.tries + 1
            wait = min(3600, self._settings.poll_seconds * 2**tries)
            self._refused = Refusal(version, tries, time.monotonic() + wait)
            self._followed.refused = f"{version} is not served: {error}"
            log("not-loaded", location=name, version=version, loaded=self._followed.loaded, error=error, again_in_seconds=wait)
            return
        self._refused = self._followed.refused = None
        self._child = child
        self._followed.loaded = version
        log("loaded", location=name, version=version)
        if before is not None:
            before.end()

    async def _start(self, version: str) -> Child:
        socket = self._sockets / f"{version[:12]}-{len(self._children)}"
        # Whoever asks for the id sees the version. Another image with the same version is to be loaded anew as well.
        environment = dict(os.environ)
        image = environment.get("DAGSTER_CURRENT_IMAGE", "") + environment.get("DAGSTER_CONTAINER_CONTEXT", "")
        server_id = f"{version}.{hashlib.sha256(image.encode()).hexdigest()[:8]}"
        folder = str(self._followed.versions.path(version))
        # These would be a second address beside the socket.
        for name in ("DAGSTER_GRPC_HOST", "DAGSTER_GRPC_PORT"):
            environment.pop(name, None)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "dagster", "api", "grpc", "--socket", str(socket)),
            *("-m", self._followed.location.module, "-d", folder, "--fixed-server-id", server_id),
            env=environment,
        )
        child = Child(version, socket, process)
        self._children = [other for other in self._children if other.process.returncode is None] + [child]
        return child

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection stays with the server that it was made to; Dagster makes one for each question."""
        try:
            upstream_reader, upstream_writer = await asyncio.open_unix_connection(self._child.socket)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pump(reader, upstream_writer), _pump(upstream_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(1 << 16):
            writer.write(chunk)
            await writer.drain()
    except OSError:
        pass  # either side may hang up
    finally:
        writer.close()


async def serve(settings: Settings, port: int) -> int:
    server = CodeServer(settings, port)
    running = asyncio.create_task(server.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    try:
        code = await running
    except asyncio.CancelledError:
        code = 128 + signal.SIGTERM
    finally:
        await server.close()
    # A look may still wait for S3 in its thread, and nobody waits for it.
    os._exit(code)
