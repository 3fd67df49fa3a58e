"""For which machine programs are: ours, and those of an image. Pure."""

import struct

from .errors import Refusal

X86_64 = 62
_NAMES = {3: "i386", 40: "arm", X86_64: "x86_64", 183: "aarch64"}
# What scripts/build makes for it.
_OURS = {X86_64: "dist/bondstrap", 183: "dist/bondstrap-aarch64"}
# A user space of 32 bits may have a kernel of 64 under it: from the image that can't be told.
_ALSO = {(X86_64, 3), (183, 40)}
# Of these every image that is known here has one.
_PROGRAMS = ("bin/busybox", "usr/bin/busybox", "bin/sh", "usr/bin/sh", "usr/lib/systemd/systemd", "lib/systemd/systemd",
             "init")  # fmt: skip
# By these names a link to one of them ends.
NAMES = {"ash", "bash", "busybox", "dash", "init", "sh", "systemd"}


def of(program):
    """e_machine of an ELF file; None: it is none."""
    if program[:4] != b"\x7fELF" or len(program) < 20:
        return None
    return struct.unpack_from(">H" if program[5] == 2 else "<H", program, 18)[0]


def check(program, tree):
    """Refuses a program that the image's kernel could not start."""
    ours = of(program)
    for path in _PROGRAMS:
        node = tree.get(path)
        there = of(node.data or b"") if node is not None and node.is_file else None
        if there is None:
            continue
        if there != ours and (ours, there) not in _ALSO:
            hint = f" ({_OURS[there]})" if there in _OURS else ""
            raise Refusal(
                f"the program is for {_name(ours)}, but /{path} of the image is for {_name(there)}: pass the program for "
                f"{_name(there)}{hint} with --binary"
            )
        return


def _name(machine):
    return _NAMES.get(machine, f"a machine that is not known here (ELF's number {machine})")
