"""Puts the persist script into an answer file of XCP-ng's installer, and names what it could not find by its MAC.

    answerfile.py ANSWERS STATUS     prints the answer file; what it changed it says on stderr, one line each

STATUS is `bondstrap status --json`. All else comes out byte for byte: places are found by expat, the parser that the
installer itself reads with, and text is put in there. Runs under Python 2.7 and 3.
"""

import json
import os
import re
import sys
from xml.parsers import expat

NICS = "/sys/class/net"
PERSIST = "file:///opt/bondstrap/persist"
SCRIPT = '<script stage="filesystem-populated" type="url">%s</script>\n' % PERSIST
# `name = "value"` in a tag, whatever stands around the sign.
ATTRIBUTE = re.compile(br"""([^\s=/<>"']+)\s*=\s*("[^"]*"|'[^']*')""")


class Refusal(Exception):
    """One sentence."""


class Reader(object):
    """One pass over an answer file: where its elements stand."""

    def __init__(self, data):
        self.data, self.root, self.scripts, self.interfaces = data, None, [], []
        self._depth, self._script = 0, None
        # Of the root: its first tag, and its last one, or what follows it where the first closes it.
        self.start = self.end = None
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._stop
        self._parser.CharacterDataHandler = self._text
        try:
            self._parser.Parse(data, True)
        except expat.ExpatError as error:
            raise Refusal("this is no XML that the installer could read: %s" % error)

    def _start(self, name, attributes):
        place = self._parser.CurrentByteIndex
        if self._depth == 0:
            self.root, self.start = name, place
        elif name == "script" and attributes.get("stage", "").lower() == "filesystem-populated":
            self._script = ""
        elif name == "admin-interface":
            self.interfaces.append((place, attributes))
        self._depth += 1

    def _text(self, text):
        if self._script is not None:
            self._script += text

    def _stop(self, name):
        self._depth -= 1
        if name == "script" and self._script is not None:
            self.scripts.append(self._script.strip())
            self._script = None
        if self._depth == 0:
            self.end = self._parser.CurrentByteIndex


def tag_end(data, start):
    """Behind the `>` of the tag at `start`; quotes may hold one."""
    at, quote = start, None
    while True:
        letter = data[at : at + 1]
        if letter == quote:
            quote = None
        elif quote is None and letter in (b'"', b"'"):
            quote = letter
        elif quote is None and letter == b">":
            return at + 1
        at += 1


def script_added(reader):
    """[(start, end, text)]: the persist script, last of all."""
    if PERSIST in reader.scripts:
        return []
    script, data = SCRIPT.encode("ascii"), reader.data
    if data.startswith(b"</", reader.end):
        return [(reader.end, reader.end, script)]
    close = tag_end(data, reader.start)
    return [(close - 2, close, b">" + script + b"</" + reader.root.encode("ascii") + b">")]


def interfaces_named(reader, ports, say):
    """The same for each <admin-interface> that names a port by a MAC: as a port it bears the bond's."""
    changes = []
    for place, attributes in reader.interfaces:
        mac, name = attributes.get("hwaddr", "").lower(), attributes.get("name")
        nic = next((port for port, own in ports if own == mac), None)
        # The installer goes by a name that there is, whatever the MAC.
        if nic is None or name and os.path.exists(os.path.join(NICS, os.path.basename(name))):
            continue
        tag = reader.data[place : tag_end(reader.data, place)]
        spans = {}
        for match in ATTRIBUTE.finditer(tag):
            spans[match.group(1)] = match.span()
        # Of an entity's text there is no place.
        if not tag.startswith(b"<admin-interface") or b"hwaddr" not in spans:
            continue
        start, end = spans.get(b"name", spans[b"hwaddr"])
        changes.append((place + start, place + end, ('name="%s"' % nic).encode("ascii")))
        say('<admin-interface hwaddr="%s"> is now name="%s": a port bears the bond\'s MAC, not its own' % (mac, nic))
    return changes


def edited(data, ports, say):
    """The new bytes; what was done goes to `say`."""
    if not data.strip():
        raise Refusal("the file is empty")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:4]:
        raise Refusal("the file is in UTF-16 or UTF-32; save it as UTF-8")
    reader = Reader(data)
    if reader.root not in ("installation", "upgrade", "restore"):
        root = reader.root.encode("ascii", "replace").decode("ascii")
        raise Refusal("its first element is <%s>, and not <installation>: is this the answer file?" % root)
    if reader.root == "restore":
        say("<restore> installs nothing: passed on as it is")
        return data
    changes = script_added(reader) + interfaces_named(reader, ports, say)
    if PERSIST in reader.scripts:
        say("it has the persist script already")
    for start, end, text in sorted(changes, reverse=True):
        data = data[:start] + text + data[end:]
    return data


def ports_of(path):
    """[(name, MAC)] of the bonds' ports; none where no engine is at work."""
    try:
        with open(path, "rb") as file:
            return [(port["name"], port["mac"]) for port in json.loads(file.read().decode("utf-8"))["ports"]]
    except (ValueError, KeyError, TypeError):
        return []


def main(arguments):
    """The exit code."""
    def say(sentence):
        sys.stderr.write(sentence + "\n")

    try:
        with open(arguments[0], "rb") as file:
            data = edited(file.read(), ports_of(arguments[1]), say)
    except Refusal as refusal:
        say(str(refusal))
        return 1
    getattr(sys.stdout, "buffer", sys.stdout).write(data)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
