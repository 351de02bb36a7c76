"""A producer that does to its files what real programs do, at random, and shows afterwards what a tree holds.

    stressor.py run DIRECTORY SECONDS SEED     changes files until the time is over; prints how often it did what
    stressor.py snapshot DIRECTORY             prints every entry: type, mode, time, attributes, digest
    stressor.py torn DIRECTORY                 prints each file below whose content no program ever left behind

Contents show by themselves whether they are whole. A file that begins with WHOLE has equal blocks throughout: each
names the same version and how many there are. A file that begins with LOG is lines with a checksum each: every
prefix that ends with a line is a content it had. A file that begins with MAP is written through a memory map after it was
closed; its content proves nothing.
"""

import ctypes
import hashlib
import json
import mmap
import os
import random
import stat
import struct
import sys
import time
import zlib

BLOCK = 512
RENAME_EXCHANGE = 2
AT_FDCWD = -100
AT_SYMLINK_FOLLOW = 0x400
libc = ctypes.CDLL(None, use_errno=True)


def exchange(one, other):
    """renameat2(2): both names at once."""
    if libc.renameat2(AT_FDCWD, one.encode(), AT_FDCWD, other.encode(), RENAME_EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def link_descriptor(fd, name):
    """linkat(2): gives a file of O_TMPFILE its first name. Python's os.link does not follow the link in /proc."""
    descriptor = f"/proc/self/fd/{fd}".encode()
    if libc.linkat(AT_FDCWD, descriptor, AT_FDCWD, name.encode(), AT_SYMLINK_FOLLOW) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def whole(version, blocks):
    line = b"WHOLE %d %d " % (version, blocks)
    return (line + b"." * (BLOCK - 1 - len(line)) + b"\n") * blocks


def log_line(number):
    text = b"LOG %d the quick brown fox" % number
    return text + b" %08x\n" % zlib.crc32(text)


def is_torn(content):
    if content.startswith(b"WHOLE "):
        words = content[:BLOCK].split(b" ", 3)
        return content != whole(int(words[1]), int(words[2]))
    if content.startswith(b"LOG "):
        lines = content.split(b"\n")
        return lines.pop() != b"" or any(b"%08x" % zlib.crc32(line[:-9]) != line[-8:] for line in lines)
    return content.startswith(b"W") or content.startswith(b"L")


def acl(mode, user, permissions):
    """acl(5) as Linux keeps it: one more user beside owner, group and others."""
    nobody = 0xFFFFFFFF
    entries = [
        (0x01, (mode >> 6) & 7, nobody),
        (0x02, permissions, user),
        (0x04, (mode >> 3) & 7, nobody),
        (0x10, 7, nobody),
        (0x20, mode & 7, nobody),
    ]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


class Stressor:
    def __init__(self, root, seed):
        self.root = root
        self.random = random.Random(seed)
        self.version = 0
        self.line = 0
        self.names = 0
        self.counts = {}

    # What is there.

    def path(self, *words):
        return os.path.join(self.root, *words)

    def directories(self):
        return [entry.path for entry in os.scandir(self.root) if entry.is_dir(follow_symlinks=False)]

    def files(self, kind):
        found = []
        for directory in self.directories():
            for entry in os.scandir(directory):
                if entry.name.startswith(kind) and entry.is_file(follow_symlinks=False):
                    found.append(entry.path)
        return sorted(found)

    def any(self, kind):
        found = self.files(kind)
        return self.random.choice(found) if found else None

    def new_name(self, kind):
        self.names += 1
        return os.path.join(self.random.choice(sorted(self.directories())), f"{kind}{self.names}")

    def new_content(self, instead_of=None):
        """Hardly shorter than what it replaces: many files that lose most of what they had are held for a person."""
        self.version += 1
        if instead_of is None:
            return whole(self.version, self.random.choice([2, 8, 40, 400]))
        before = os.stat(instead_of).st_size // BLOCK
        return whole(self.version, max(1, min(2000, round(before * self.random.uniform(0.7, 1.4)))))

    def write_slowly(self, fd, content):
        third = max(1, len(content) // 3)
        for start in range(0, len(content), third):
            os.write(fd, content[start : start + third])
            if self.random.random() < 0.2:
                time.sleep(self.random.random() * 0.2)

    # What is done.

    def create(self):
        fd = os.open(self.new_name("whole-"), os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o644)
        self.write_slowly(fd, self.new_content())
        os.close(fd)

    def rewrite(self):
        file = self.any("whole-")
        content = self.new_content(file)
        fd = os.open(file, os.O_WRONLY | os.O_TRUNC)
        self.write_slowly(fd, content)
        os.close(fd)

    def replace(self):
        file = self.any("whole-")
        fresh = self.new_name("whole-")
        with open(fresh, "wb") as out:
            out.write(self.new_content(file))
        os.rename(fresh, file)

    def unnamed(self):
        name = self.new_name("whole-")
        fd = os.open(os.path.dirname(name), os.O_TMPFILE | os.O_WRONLY, 0o644)
        os.write(fd, self.new_content())
        link_descriptor(fd, name)
        os.close(fd)

    def append(self):
        file = self.any("log-") if self.random.random() < 0.8 else None
        with open(file or self.new_name("log-"), "ab", buffering=0) as out:
            for _ in range(self.random.randint(1, 20)):
                self.line += 1
                out.write(log_line(self.line))

    def truncate(self):
        """To two thirds, at the end of a line."""
        file = self.any("log-")
        with open(file, "rb") as there:
            lines = there.read().split(b"\n")
        kept = b"".join(line + b"\n" for line in lines[: len(lines) * 2 // 3 + 1] if line != b"")
        os.truncate(file, len(kept))

    def map(self):
        file = self.any("map-") if self.random.random() < 0.7 else None
        file = file or self.new_name("map-")
        fd = os.open(file, os.O_CREAT | os.O_RDWR, 0o644)
        os.ftruncate(fd, 8192)
        view = mmap.mmap(fd, 8192)
        os.close(fd)
        for _ in range(4):
            self.version += 1
            place = self.random.randrange(0, 8000)
            view[0:4] = b"MAP "
            view[place : place + 12] = b"%012d" % self.version
            time.sleep(self.random.random() * 0.05)
        view.flush()
        view.close()

    def put_time_back(self):
        """Other content of the same length, with the time of the earlier one."""
        file = self.any("whole-")
        before = os.stat(file)
        self.version += 1
        fd = os.open(file, os.O_WRONLY)
        os.write(fd, whole(self.version, before.st_size // BLOCK))
        os.close(fd)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    def touch(self):
        file = self.any("")
        moment = self.random.randrange(10**18, 17 * 10**17)
        os.utime(file, ns=(moment, moment))

    def chmod(self):
        os.chmod(self.any(""), self.random.choice([0o600, 0o640, 0o644, 0o444, 0o755, 0o664]))

    def chmod_directory(self):
        os.chmod(self.random.choice(self.directories()), self.random.choice([0o755, 0o750, 0o700, 0o1777]))

    def set_attribute(self):
        value = b"%d" % self.random.randrange(10**6)
        os.setxattr(self.any(""), f"user.note{self.random.randrange(3)}", value)

    def remove_attribute(self):
        file = self.any("")
        for name in os.listxattr(file):
            if name.startswith("user."):
                os.removexattr(file, name)
                return

    def set_acl(self):
        file = self.any("")
        value = acl(os.stat(file).st_mode, self.random.choice([1234, 4321]), self.random.choice([4, 6]))
        os.setxattr(file, "system.posix_acl_access", value)

    def link(self):
        os.link(self.any("whole-"), self.new_name("whole-"))

    def write_through_link(self):
        for file in self.files("whole-"):
            if os.stat(file).st_nlink > 1:
                self.version += 1
                content = whole(self.version, os.stat(file).st_size // BLOCK)
                fd = os.open(file, os.O_WRONLY)
                os.write(fd, content)
                os.close(fd)
                return

    def remove(self):
        if len(self.files("")) > 60:
            os.unlink(self.any(""))

    def rename(self):
        file = self.any("")
        kind = os.path.basename(file).split("-")[0] + "-"
        os.rename(file, self.new_name(kind))

    def rename_directory(self):
        self.names += 1
        os.rename(self.random.choice(self.directories()), self.path(f"directory-{self.names}"))

    def exchange_directories(self):
        one, other = self.random.sample(self.directories(), 2)
        exchange(one, other)

    def exchange_files(self):
        found = self.files("whole-")
        if len(found) > 1:
            exchange(*self.random.sample(found, 2))

    def make_directory(self):
        if len(self.directories()) < 10:
            self.names += 1
            directory = self.path(f"directory-{self.names}")
            os.mkdir(directory)
            with open(os.path.join(directory, f"whole-{self.names}"), "wb") as out:
                out.write(self.new_content())

    def run(self, seconds):
        for number in range(4):
            os.mkdir(self.path(f"directory-{number}"))
        for _ in range(60):
            self.create()
            self.append()
        actions = [
            *[self.create, self.rewrite, self.replace, self.unnamed, self.append, self.append] * 3,
            *[self.map, self.put_time_back, self.touch, self.chmod, self.set_attribute, self.set_acl] * 2,
            *[self.remove_attribute, self.link, self.write_through_link, self.remove, self.remove, self.remove] * 2,
            *[self.truncate, self.rename, self.rename, self.exchange_files],
            *[self.rename_directory, self.exchange_directories, self.make_directory, self.chmod_directory],
        ]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            action = self.random.choice(actions)
            action()
            self.counts[action.__name__] = self.counts.get(action.__name__, 0) + 1
            time.sleep(self.random.random() * 0.04)
        return self.counts


def attributes(file):
    names = [name for name in os.listxattr(file, follow_symlinks=False) if name.startswith(("user.", "system.posix_acl"))]
    return {name: os.getxattr(file, name, follow_symlinks=False).hex() for name in sorted(names)}


def snapshot(root):
    entries = {}
    for parent, directories, files in os.walk(root):
        for name in directories + files:
            file = os.path.join(parent, name)
            facts = os.lstat(file)
            entry = {"mode": oct(stat.S_IMODE(facts.st_mode)), "attributes": attributes(file)}
            if stat.S_ISREG(facts.st_mode):
                with open(file, "rb") as there:
                    content = there.read()
                entry |= {"mtime": str(facts.st_mtime_ns), "size": len(content), "head": content[:16].decode("latin1")}
                entry["digest"] = hashlib.sha256(content).hexdigest()
            entries[os.path.relpath(file, root)] = entry
    return entries


def torn(root):
    """Pairs of how many files were read and the names of those that are torn."""
    read, found = 0, []
    for parent, _, files in os.walk(root):
        for name in files:
            file = os.path.join(parent, name)
            with open(file, "rb") as there:
                content = there.read()
            read += 1
            if is_torn(content):
                found.append(os.path.relpath(file, root))
    return {"read": read, "torn": found}


def main(words):
    what, directory = words[0], words[1]
    if what == "run":
        os.umask(0o022)
        answer = Stressor(directory, int(words[3])).run(float(words[2]))
    else:
        answer = {"snapshot": snapshot, "torn": torn}[what](directory)
    json.dump(answer, sys.stdout)


main(sys.argv[1:])
