"""Who is in front of the browser: in a shared server the kernel's environment names its owner only.

labkit's JupyterLab extension says once per page who its user is. A message names the page that it
comes from, so a decision can name the person who clicked. Without the extension the person is not
known here, and a decision gets the name from the kernel's environment.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from labkit.core.config import default_reviewer

if TYPE_CHECKING:
    from labkit.review import ReviewSession

__all__ = ["TARGET", "Visitor", "clicker", "listen", "remember", "visitor"]

TARGET: Final = "labkit:visitor"
_MOST: Final = 64
_LONGEST: Final = 120


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person at a page.

    Attributes
    ----------
    client : str
        The page's id in Jupyter's messages; a page has a new one after a reload.
    username : str
        Unique in a JupyterHub; a random one where nobody logs in.
    name : str
        For people to read.
    """

    client: str
    username: str
    name: str


_visitors: OrderedDict[str, Visitor] = OrderedDict()
_lock = threading.Lock()
_kept: list[Any] = []


def remember(client: str, identity: Mapping[str, Any]) -> Visitor | None:
    """Keep who is at a page; None, and nothing is kept, where the page does not say it."""
    username = _text(identity.get("username"))
    if not client or not username:
        return None
    found = Visitor(client, username, _text(identity.get("name")) or username)
    with _lock:
        _visitors[client] = found
        _visitors.move_to_end(client)
        while len(_visitors) > _MOST:
            _visitors.popitem(last=False)
    return found


def _text(value: Any) -> str:
    return " ".join(value.split())[:_LONGEST] if isinstance(value, str) else ""


def visitor(client: str | None = None) -> Visitor | None:
    """Who is at a page.

    Parameters
    ----------
    client : str, optional
        The page's id; by default the page whose message or cell is handled by this thread.

    Returns
    -------
    Visitor or None
        None where the page has not said it, as without labkit's JupyterLab extension.
    """
    key = client or _asking()
    with _lock:
        return _visitors.get(key)


def _asking() -> str:
    """The page whose message is handled by this thread; '' outside of a kernel."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return ""
    try:
        return str(kernel.get_parent("shell")["header"]["session"])
    except (KeyError, LookupError, TypeError):
        return ""


def clicker(session: ReviewSession) -> str | None:
    """The name under which a gesture handled by this thread goes into the ledger.

    None leaves the session's: outside of a JupyterHub, where somebody was named (by the user, or
    by ``LABKIT_REVIEWER``), in scripts, in sessions of scope ``own``, which are one person's.
    """
    owner = os.environ.get("JUPYTERHUB_USER")
    named = os.environ.get("LABKIT_REVIEWER")
    if not owner or named or session.scripted or session.scope == "own":
        return None
    found = visitor()
    if found is None or session.reviewer not in (default_reviewer(), session.signed):
        return None
    return found.username


def listen(kernel: Any, arrived: Callable[[], object]) -> None:
    """Let pages say to this kernel who is there, and call ``arrived`` after each."""

    def opened(channel: Any, message: Mapping[str, Any]) -> None:
        def heard(message: Mapping[str, Any]) -> None:
            data = message["content"].get("data")
            if isinstance(data, Mapping):
                remember(str(message["header"]["session"]), data)
                arrived()

        channel.on_msg(heard)
        channel.on_close(lambda _message: _kept.remove(channel) if channel in _kept else None)
        _kept.append(channel)
        heard(message)

    kernel.comm_manager.register_target(TARGET, opened)
