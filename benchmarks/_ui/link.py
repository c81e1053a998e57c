"""A slow link: a proxy on loopback that hands on every chunk of bytes some time later, in order."""

from __future__ import annotations

import asyncio
import threading
from typing import Self


class SlowLink:
    """Listens on a free port of loopback until it is closed.

    Each direction of a connection is one queue: a chunk leaves it ``delay_s`` after it came, and
    never before the one ahead of it. Bandwidth is not limited.

    Parameters
    ----------
    to : int
        The port that is proxied.
    delay_s : float
        One way, so that a round trip takes twice as long.
    """

    def __init__(self, to: int, delay_s: float) -> None:
        self._to, self._delay_s, self.port = to, delay_s, 0
        self._listening = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="slow-link", daemon=True)
        self._thread.start()
        if not self._listening.wait(10):
            raise RuntimeError("the slow link does not listen")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all connections and the thread."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        await self._stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            far, there = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            back.close()
            return
        for reader, writer in ((near, there), (far, back)):
            task = self._loop.create_task(self._pump(reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        out = self._loop.create_task(self._hand_on(waiting, writer))
        try:
            data = b"-"
            while data:
                try:
                    data = await reader.read(1 << 16)
                except ConnectionError:
                    data = b""
                waiting.put_nowait((self._loop.time() + self._delay_s, data))
            await out
        finally:
            out.cancel()
            writer.close()

    async def _hand_on(
        self, waiting: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
    ) -> None:
        while True:
            due, data = await waiting.get()
            await asyncio.sleep(max(0.0, due - self._loop.time()))
            if not data:
                return
            try:
                writer.write(data)
                await writer.drain()
            except ConnectionError:
                return
