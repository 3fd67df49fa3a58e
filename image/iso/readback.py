"""Reading a finished ISO back: what was to change has changed, nothing else has, and it still boots as before."""

from bake.errors import Refusal

_ALIKE = ("El Torito img path", "El Torito img opts", "System area summary", "MBR partition path", "GPT partition path")

# mkisofs -boot-info-table, and what xorriso writes for GRUB's own boot image.
_PLACES = {"boot-info-table": (8, 64), "grub2-boot-info": (2548, 2556)}


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
    places = _places(before)
    for path in sorted(before.files):
        if path in catalogs:
            continue
        same = (
            _same(changed[path](), after.pieces(path), ())
            if path in changed
            else before.length(path) == after.length(path)
            and _same(before.pieces(path), after.pieces(path), places.get(path, ()))
        )
        if not same:
            raise Refusal(f"{path} in the new ISO is not what was to be written; it was thrown away")


def _places(volume):
    """Boot images that hold sector numbers, and where: [(start, end)]."""
    places = {}
    for number, options in volume.boot_options.items():
        path = volume.boot_paths.get(number)
        places[path] = [_PLACES[option] for option in options if option in _PLACES]
    return places


def _same(one, other, ignored):
    """The same bytes, however they are cut, but for those that are ignored."""
    mine, theirs, at = bytearray(), bytearray(), 0
    while True:
        mine += next(one, b"")
        theirs += next(other, b"")
        length = min(len(mine), len(theirs))
        if not length:
            return not mine and not theirs
        for start, end in ignored:
            start, end = (min(max(place - at, 0), length) for place in (start, end))
            mine[start:end] = theirs[start:end]
        if mine[:length] != theirs[:length]:
            return False
        at += length
        del mine[:length], theirs[:length]
