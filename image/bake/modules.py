"""Which kernel modules have to come along, and in which order. Pure: where they lie is `origin`'s business."""

import re
import struct
from dataclasses import dataclass, field

from .errors import Refusal

# What needs a module beside bonding, and the word that asks for it.
USES = {"8021q": ("VLANs", "vlan="), "bridge": ("bridges", "bridge=")}
_FIELD = re.compile(rb"(?:\A|\0)(vermagic|depends)=([^\0]*)")


@dataclass(frozen=True)
class Info:
    """What a .ko says of itself."""

    machine: int
    version: str
    depends: tuple


def asked(name, words):
    """The words ask for what needs this module."""
    use = USES.get(name)
    return use is not None and any(word.strip('"').startswith(use[1]) for word in (words or "").split())


def wanted(words):
    """The modules to have for these words. Bridges are rare: theirs only where they are asked for, VLANs' always, as
    the boot line may bring the word."""
    return ("bonding", "8021q", *(["bridge"] if asked("bridge", words) else []))


def info(data, where):
    """Reads a module's ELF header and its .modinfo."""
    if data[:4] != b"\x7fELF" or len(data) < 64:
        raise Refusal(f"{where} is no kernel module (no ELF file)")
    order = ">" if data[5] == 2 else "<"
    pairs = _FIELD.findall(_section(data, b".modinfo", order))
    found = {name.decode(): value.decode("utf-8", "replace") for name, value in pairs}
    if "vermagic" not in found:
        raise Refusal(f"{where} is no kernel module that says for which kernel it is (vermagic)")
    depends = tuple(name.replace("-", "_") for name in found.get("depends", "").split(",") if name)
    return Info(struct.unpack_from(f"{order}H", data, 18)[0], (found["vermagic"].split() or [""])[0], depends)


def _section(data, name, order):
    """An ELF section's bytes; empty if it is not there."""
    wide = data[4] == 2
    try:
        start = struct.unpack_from(f"{order}Q", data, 40)[0] if wide else struct.unpack_from(f"{order}I", data, 32)[0]
        size, count, names = struct.unpack_from(f"{order}HHH", data, 58 if wide else 46)

        def section(number):
            at = start + number * size
            if wide:
                return struct.unpack_from(f"{order}I", data, at)[0], *struct.unpack_from(f"{order}QQ", data, at + 24)
            return struct.unpack_from(f"{order}I", data, at)[0], *struct.unpack_from(f"{order}II", data, at + 16)

        _, strings, _ = section(names)
        for number in range(count):
            label, offset, length = section(number)
            if data[strings + label : strings + label + len(name) + 1] == name + b"\0":
                return data[offset : offset + length]
    except struct.error:
        pass
    return b""


@dataclass
class Choice:
    """What comes of the wanted modules of one kernel version."""

    # name → (data, [names that it needs]): those before their users.
    bring: dict = field(default_factory=dict)
    # Found by the image's own modprobe, or in its kernel.
    there: list = field(default_factory=list)
    missing: list = field(default_factory=list)


def choose(image, extra, names):
    """Takes each of these modules from the image if its modprobe finds it, else from `extra`, else from a file in the
    image that its index does not know. `image` and `extra` are origins of the same kernel version, or None."""
    choice = Choice()
    origins = [origin for origin in (extra, image) if origin is not None]

    def is_there(name):
        return any(name in origin.builtin for origin in origins) or image is not None and image.is_indexed(name)

    def bring(name, chain):
        if name in choice.bring or is_there(name):
            return
        if name in chain:
            raise Refusal(f"the module {name} depends on itself ({' → '.join(chain + (name,))})")
        origin = next((origin for origin in origins if origin.has(name)), None)
        if origin is None:
            raise Refusal(
                f"{chain[0]} needs the module {name}, which is neither in the image nor in "
                f"{extra.where if extra else 'any --modules directory'}; pass --modules with all modules of its kernel"
            )
        data = origin.read(name)
        found = info(data, f"{name} of {origin.where}")
        if found.version != origin.version:
            raise Refusal(
                f"{name} of {origin.where} is for kernel {found.version}, not {origin.version}; "
                f"pass the modules of kernel {origin.version}"
            )
        needs = [need for need in origin.needs(name, found) if not any(need in other.builtin for other in origins)]
        for need in needs:
            bring(need, chain + (name,))
        choice.bring[name] = (data, needs)

    for name in names:
        if is_there(name):
            choice.there.append(name)
        elif any(origin.has(name) for origin in origins):
            bring(name, ())
        else:
            choice.missing.append(name)
    return choice


def union(choice, known, folder):
    """The image's index and what is brought, which lies in `folder`: name → (path, [paths of what it needs])."""

    def load(name, done):
        """The paths that are loaded for `name`, it included, in order."""
        if name in choice.bring:
            for need in choice.bring[name][1]:
                load(need, done)
            done.setdefault(f"{folder}/{name}.ko")
        elif name in known:
            path, needs = known[name]
            for entry in (*reversed(needs), path):
                done.setdefault(entry)

    result = dict(known)
    for name in choice.bring:
        done = {}
        load(name, done)
        # modprobe loads a line from its end to its beginning.
        path, *needs = reversed(done)
        result[name] = (path, needs)
    return result
