"""The work: an image, or nothing, in; the bytes of a segment out. Writes nothing."""

from dataclasses import dataclass, field
from pathlib import Path

from . import index, judge, kinds, machinery, machines, modules, origin, plan
from .errors import Refusal

WORDS = "etc/cmdline.d/bondstrap.conf"
OVERLAY_MODULES = "usr/lib/bondstrap/modules"


@dataclass
class Request:
    """What is asked for, read and checked."""

    program: bytes
    words: str | None = None
    modules: list = field(default_factory=list)
    hook: str | None = None
    # What the words gave rise to.
    warnings: list = field(default_factory=list)


@dataclass
class Result:
    """The segment, and what to tell about it."""

    archive: bytes
    told: list = field(default_factory=list)
    warnings: list = field(default_factory=list)


def read_program(path):
    """The static program."""
    try:
        program = Path(path).read_bytes()
    except OSError as error:
        raise Refusal(
            f"{path} can't be read ({error.strerror}): build the program with scripts/build, or say where it is "
            f"with --binary"
        ) from None
    if program[:4] != b"\x7fELF" or len(program) < 64:
        raise Refusal(f"{path} is no program (ELF file): --binary takes the static bondstrap of the image's machine")
    return program


def check_words(words, path):
    """What to warn of. Refuses what the program itself would refuse when the image boots."""
    if "\0" in words:
        raise Refusal("--cmdline: the words contain a NUL")
    return judge.warnings(words, path, "--cmdline")


def into_image(request, image):
    """The segment for an image."""
    result = Result(b"")
    machines.check(request.program, image.tree)
    kind = kinds.choose(image.tree, request.hook)
    out = plan.Plan(image.tree)
    # Looked at before anything is added: the tree changes with the plan.
    added = _image_modules(request, image, result)
    result.warnings += request.warnings + machinery.warnings(image.tree)
    out.file(kinds.PROGRAM, request.program, 0o755)
    if request.words is not None:
        out.file(WORDS, _line(request.words))
    for path, body in added:
        out.file(path, body)
    kind.add(out)
    result.told = [f"hook {kind.name}", *result.told, *out.told]
    result.warnings += out.warnings
    if request.words is None and (lost := _earlier_words(image)):
        result.warnings.append(f"the words that were baked in are gone ({lost}): pass them with --cmdline to keep them")
    result.archive = plan.segment(out.items, _note(request, kind.name, result))
    return result


def overlay(request):
    """The segment that fits any image."""
    result = Result(b"", warnings=list(request.warnings))
    out = plan.Overlay()
    out.file(kinds.PROGRAM, request.program, 0o755)
    if request.words is not None:
        out.file(WORDS, _line(request.words))
    for directory in request.modules:
        choice = modules.choose(None, directory, modules.wanted(request.words))
        _check(choice, request, directory.version, directory.where, result)
        folder = f"{OVERLAY_MODULES}/{directory.version}"
        for name, (data, _) in choice.bring.items():
            out.file(f"{folder}/{name}.ko", data)
        out.file(f"{folder}/list", "".join(f"{name}\n" for name in choice.bring).encode())
    if request.modules:
        out.file("usr/lib/bondstrap/load-modules", kinds.hook("overlay", "load-modules"), 0o755)
    for kind in kinds.KINDS:
        kind.add_overlay(out, bool(request.modules))
    result.archive = plan.segment(out.items, _note(request, "overlay", result))
    return result


def _line(words):
    return words.encode("utf-8", "surrogateescape") + b"\n"


def _earlier_words(image):
    """The words that an earlier run has put in; empty: none."""
    lines = (line for segment in image.segments if segment.ours for line in segment.note.splitlines())
    words = next((line[len("words ") :] for line in lines if line.startswith("words ")), "-")
    return "" if words == "-" else words


def _note(request, kind, result):
    lines = [f"hook {kind}", f"words {request.words or '-'}", *result.told]
    return "\n".join(dict.fromkeys(lines)) + "\n"


def _image_modules(request, image, result):
    """(path, body) of modules and index of every kernel version of the image."""
    folders = origin.versions(image.tree)
    given = {directory.version: directory for directory in request.modules}
    held = {folder.rpartition("/")[2] for folder in folders}
    if held and (strangers := [version for version in given if version not in held]):
        raise Refusal(
            f"--modules has kernel {strangers[0]}, but the image is of kernel {', '.join(sorted(held))}: "
            f"pass the modules of that one"
        )
    if not folders and not given:
        raise Refusal(
            "the image holds no kernel modules and does not say for which kernel it is: pass --modules "
            "/lib/modules/VERSION of the kernel that it boots with"
        )
    pairs = [(origin.InImage(image.tree, folder, image.read_files), folder) for folder in folders]
    if not folders:
        base = next((folder for folder in origin.FOLDERS if image.tree.get(folder) is not None), origin.FOLDERS[0])
        pairs = [(None, f"{base}/{version}") for version in given]
    added = []
    for inside, folder in pairs:
        version = folder.rpartition("/")[2]
        choice = modules.choose(inside, given.get(version), modules.wanted(request.words))
        _check(choice, request, version, f"the image's /{folder}", result)
        if not choice.bring:
            result.told.append(f"kernel {version}: the image has {', '.join(choice.there)}")
            continue
        result.told.append(f"kernel {version}: brought {', '.join(choice.bring)}")
        known = modules.union(choice, inside.known if inside else {}, "bondstrap")
        text, trie = index.both(known)
        added += [(f"{folder}/bondstrap/{name}.ko", data) for name, (data, _) in choice.bring.items()]
        # busybox reads the first, kmod the second.
        added += [(f"{folder}/modules.dep", text), (f"{folder}/modules.dep.bin", trie)]
    if not kinds.is_executable(image.tree, "modprobe"):
        result.warnings.append("the image has no modprobe: its init has to load bonding before it calls bondstrap")
    return added


def _check(choice, request, version, where, result):
    """No bonding, no bond; nor what else the words ask for. And all for one machine."""
    if "bonding" in choice.missing:
        raise Refusal(
            f"{where} has no module bonding: pass --modules /lib/modules/{version} from a machine or package with "
            f"all modules of kernel {version}"
        )
    for name in choice.missing:
        sentence = f"kernel {version}: no module {name}, so no {modules.USES[name][0]}"
        if modules.asked(name, request.words):
            raise Refusal(f"{sentence}, but the words ask for one; pass --modules /lib/modules/{version} with all modules")
        result.warnings.append(sentence)
    for name, (data, _) in choice.bring.items():
        if modules.info(data, name).machine != machines.of(request.program):
            raise Refusal(f"{name} of kernel {version} is for another machine than the program; pass the fitting --binary")
