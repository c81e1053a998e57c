"""The way between page and kernel in JupyterLab's server, without Nagle's algorithm.

jupyter_server leaves it on: TCP then holds a small message back until the browser has acknowledged
the one before, which may be put off for 40 ms. A kernel answers a gesture with several small
messages (``benchmarks/ui.py --only trip`` measures a round trip with it and without).

``labkit lab`` tells its server to use this class. Any other, also a JupyterHub's, does so with this
line in its ``jupyter_server_config.py``::

    c.ServerApp.kernel_websocket_connection_class = "labkit.widgets.websocket.PromptConnection"
"""

from __future__ import annotations

import asyncio

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

__all__ = ["PromptConnection"]


class PromptConnection(ZMQChannelsWebsocketConnection):
    """A kernel's websocket whose messages leave at once."""

    def connect(self) -> asyncio.Future[None] | None:  # type: ignore[override]
        """Open it as jupyter_server does."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()
