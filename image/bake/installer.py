"""The one line in XCP-ng's installer by which it runs our script on the installed system. Pure."""

import re
import stat

from .tree import Unreachable

INIT, SCRIPTS = "opt/xensource/installer/init", "opt/xensource/installer/scripts.py"
_STAGE, _SCRIPT = "filesystem-populated", "file:///opt/bondstrap/persist"
# Whatever name `init` knows that module by, if any.
_CALL = f'__import__("scripts").add_script("{_STAGE}", "{_SCRIPT}")  # bondstrap'.encode()
_OURS = re.compile(rb"(?m)^[ \t]*" + re.escape(_CALL) + rb"\n")
# Where everything begins that may populate a file system, with a user or without.
_PLACE = re.compile(rb"(?m)^([ \t]*)(?:[A-Za-z_]\w* *= *)?install\.go\(")
# A line that ends so goes on in the next one.
_OPEN = (b"\\", b"(", b"[", b"{", b",")


def with_call(text):
    """The text of `init` with our line in front of the one that starts the installation; None: no such place, or more
    than one."""
    text = _OURS.sub(b"", text)
    places = list(_PLACE.finditer(text))
    if len(places) != 1 or b"\r" in text:
        return None
    at = places[0].start()
    before = text[:at].rstrip()
    if before.endswith(_OPEN) or before.count(b'"""') % 2 or before.count(b"'''") % 2:
        return None
    return text[:at] + places[0][1] + _CALL + b"\n" + text[at:]


def call_persist(plan):
    """Puts the line into the image's installer; whether that could be."""
    try:
        found = plan.tree.walk(INIT)
    except Unreachable:
        return False
    scripts = plan.tree.get(SCRIPTS)
    # Without what the line calls, it would end every installation before it begins.
    if scripts is None or not re.search(rb"(?m)^def add_script\((\w+), *(\w+)\):", scripts.data or b""):
        return False
    if found.node is None or not found.node.is_file or not (found.node.data or b"").startswith(b"#!"):
        return False
    text = with_call(found.node.data)
    if text is None:
        return False
    plan.file(found.path, text, stat.S_IMODE(found.node.mode), found.node.owner)
    return True
