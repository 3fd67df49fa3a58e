"""Reading a finished ISO back: what was to change has changed, nothing else has, and it still boots as before."""

from bake.errors import Refusal

_ALIKE = ("El Torito img path", "El Torito img opts", "System area summary", "MBR partition path", "GPT partition path")


def boot_records(volume):
    """What firmware starts from, without the places, which move."""
    records = []
    for line in volume.boot:
        name, _, value = line.partition(":")
        name, value = name.strip(), value.split()
        if name == "El Torito boot img":
            # Number, platform, bootable, emulation, segment, type; not its size and place.
            records.append((name, *value[:6]))
        elif name in _ALIKE:
            records.append((name, *value))
    return records


def check(before, after, changed):
    """Compares two volumes, but for `changed`: path → pieces of what it has to be now."""
    lost = [record for record in boot_records(before) if record not in boot_records(after)]
    if lost:
        raise Refusal(f"the new ISO lacks a boot record of the old one ({' '.join(lost[0])}); it was thrown away")
    differing = sorted(before.files.keys() ^ after.files.keys())
    if differing:
        raise Refusal(f"{differing[0]} is in only one of the two ISOs; the new one was thrown away")
    # Both tell where things are, and things have moved.
    catalogs = {line.partition(":")[2].strip() for line in before.boot if line.startswith("El Torito cat path")}
    tables = _with_table(before)
    for path in sorted(before.files):
        if path in catalogs:
            continue
        same = (
            _same(changed[path](), after.pieces(path))
            if path in changed
            else before.length(path) == after.length(path)
            and _same(before.pieces(path), after.pieces(path), 64 if path in tables else 0)
        )
        if not same:
            raise Refusal(f"{path} in the new ISO is not what was to be written; it was thrown away")


def _with_table(volume):
    """Boot images that begin with a table of places (mkisofs -boot-info-table)."""
    numbers = {line.split(":")[1].split()[0] for line in volume.boot
               if line.startswith("El Torito img opts") and "boot-info-table" in line}  # fmt: skip
    return {
        line.split(":", 1)[1].split(None, 1)[1].strip() for line in volume.boot
        if line.startswith("El Torito img path") and line.split(":")[1].split()[0] in numbers
    }  # fmt: skip


def _same(one, other, skip=0):
    """The same bytes, from byte `skip` on, however they are cut."""
    mine, theirs = bytearray(), bytearray()
    first = True
    while True:
        mine += next(one, b"")
        theirs += next(other, b"")
        length = min(len(mine), len(theirs))
        if not length:
            return not mine and not theirs
        start = min(skip, length) if first else 0
        if mine[start:length] != theirs[start:length]:
            return False
        first = False
        del mine[:length], theirs[:length]
