"""What becomes of a command line in dom0: its limits, and what bondstrap makes of it."""

from dataclasses import dataclass

from bake import judge
from bake.errors import Refusal

from . import words

# Xen gives dom0 1024 bytes, the NUL among them, and cuts the rest without a word.
LONGEST = 1023
# The kernel hands unknown name=value words to init, 31 of them beside HOME and TERM, and panics at the next.
MOST = 31
# Of those that installers' configurations hold, these the kernel knows; a name with a dot belongs to a module.
_KNOWN = {"console", "root", "init", "loglevel", "panic", "crashkernel", "nmi_watchdog", "pci", "acpi", "iommu", "mem"}
_HANDOVER = "bondstrap.handover="


@dataclass(frozen=True)
class Line:
    """What Linux gets in an entry: as it came, and with our words behind."""

    where: str
    own: str
    all: str


def warnings(lines, program):
    """Sentences about these lines. Refused is what would lose our words, and what bondstrap itself refuses."""
    told = []
    for line in lines:
        told += [(line.where, sentence) for sentence in (_length(line), _unknown(line)) if sentence]
        told += [(line.where, sentence) for sentence in judge.warnings(_meant(line.all), program, line.where)]
    # Entries differ in little: what is true of all is told once.
    known = {}
    for place, sentence in told:
        known.setdefault(sentence, []).append(place)
    return [f"{places[0]}{' and other entries' if len(places) > 1 else ''}: {rest}" for rest, places in known.items()]


def _meant(line):
    """For `plan` to tell what XCP-ng lacks for these words as well."""
    said = any(word.strip('"').startswith(_HANDOVER) for word in words.split(line))
    return line if said else f"{line} {_HANDOVER}xcp-ng"


def _length(line):
    """Of a line that is too long; one that became so by our words is refused."""
    before, now = (len(text.encode("latin-1")) for text in (line.own, line.all))
    if now <= LONGEST:
        return None
    if before <= LONGEST:
        raise Refusal(
            f"{line.where}: Xen passes on {LONGEST} bytes of Linux's words, and with those that are added there are {now}: "
            f"the last ones would be lost without a message, and the bond with them; make them {now - LONGEST} shorter"
        )
    return (
        f"Linux's words have {before} bytes as they come, and Xen cuts them after {LONGEST}: "
        + ("none that are added get through in this entry" if now > before else "the last ones are lost")
    )


def _unknown(line):
    """The same of too many words."""
    before, now = (len(_names(text)) for text in (line.own, line.all))
    if now <= MOST:
        return None
    if before <= MOST:
        raise Refusal(
            f"{line.where}: Linux takes {MOST} words name=value that it does not know itself, and with those that are "
            f"added there are {now}: it would panic; leave {now - MOST} out"
        )
    return f"{before} words name=value as they come that the kernel does not know; from {MOST + 1} on it panics"


def _names(line):
    """The names of the words that go to init."""
    return {
        name for word in words.split(line) if (name := word.strip('"').partition("=")[0]) + "=" in word
        and "." not in name and name not in _KNOWN
    }  # fmt: skip
