"""What a boot entry names: Linux, Xen, or something else. Pure."""

import re

_LINUX = re.compile(r"(?:vmlinuz|bzimage|linux)(?:[-._].*)?\Z", re.IGNORECASE)

_XEN = re.compile(r"xen[^/]*(?:\.gz|\.efi)?\Z", re.IGNORECASE)
_OTHER = re.compile(r"(?:mem(?:test|diag).*|.*\.(?:c32|cbt|com|0|bin|bs|bss|img))\Z", re.IGNORECASE)


def is_linux(path):
    """The file is a Linux kernel, by its name."""
    return bool(_LINUX.match(path.rpartition("/")[2]))


def is_xen(path):
    """The file is Xen."""
    return bool(_XEN.match(path.rpartition("/")[2]))


def is_other(path):
    """The file is known to be neither, whatever it is loaded with: a test of the memory, or one of those endings by
    which syslinux knows its own modules, boot sectors and the like."""
    return bool(_OTHER.match(path.rpartition("/")[2]))
