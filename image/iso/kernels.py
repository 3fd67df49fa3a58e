"""What a boot entry names: Linux, or something else. Pure."""

import re

_LINUX = re.compile(r"(?:vmlinuz|bzimage|linux)(?:[-._].*)?\Z", re.IGNORECASE)


def is_linux(path):
    """The file is a Linux kernel, by its name."""
    return bool(_LINUX.match(path.rpartition("/")[2]))


def is_xen(path):
    """The file is Xen."""
    return bool(re.match(r"xen[^/]*(?:\.gz|\.efi)?\Z", path.rpartition("/")[2], re.IGNORECASE))
