"""Appends bondstrap to an initramfs. `cli` is the way in; everything but `cli`, `image`, `streams` and `output` is pure."""

import os
import sys

# Before a line is read that an older Python can't read: this file and the programs keep to what it understands.
if sys.version_info < (3, 10):
    sys.exit(
        "%s: Python 3.10 or later is needed, and this is %d.%d: name a newer one, as in `python3.11 %s`"
        % (os.path.basename(sys.argv[0]), sys.version_info[0], sys.version_info[1], sys.argv[0])
    )
