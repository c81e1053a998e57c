"""The glass hands on what the browser says, however early."""

from labkit.widgets.glass import Glass


def test_what_is_said_before_anybody_listens_is_not_lost():
    glass, heard = Glass({}), []
    glass._handle_custom_msg({"type": "ready"}, [])
    glass.on_message(heard.append)
    glass._handle_custom_msg({"type": "life"}, [])
    assert [m["type"] for m in heard] == ["ready", "life"]
    glass.close()
