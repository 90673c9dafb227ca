"""Harm done to the files of a dead process."""
import os
import random


def newest(folder, name):
    """The file of that name or pattern, anywhere in the folder, that was last written to; None when there is none."""
    files = [path for path in folder.rglob(name) if path.is_file() and path.stat().st_size]
    return max(files, key=lambda path: path.stat().st_mtime_ns, default=None)


def tear(path, cut, garbage):
    """Takes `cut` bytes off the end, then adds so many of `garbage`."""
    os.truncate(path, max(0, path.stat().st_size - cut))
    with open(path, 'ab') as file:
        file.write(random.Random(garbage).randbytes(garbage))


def flip(path, where, bit):
    """Flips a bit; `where` is from 0 (its first byte) to 1."""
    with open(path, 'r+b') as file:
        offset = int(where * path.stat().st_size)
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes((byte ^ 1 << bit,)))
