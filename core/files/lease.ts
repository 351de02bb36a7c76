import koffi from 'koffi'

const F_SETLEASE = 1024
const F_SETSIG = 10
const F_RDLCK = 0
const F_UNLCK = 2
const SIGURG = 23

const libc = koffi.load(null)
// Linux passes the words of a variadic function as those of any other, on x86-64 as on arm64.
const fcntl: (fd: number, command: number, argument: number) => number = libc.func(
  'int fcntl(int fd, int command, long argument)',
)

// Of two names for one number the first: EAGAIN, not EWOULDBLOCK.
const errorNames = new Map(
  Object.entries(koffi.os.errno)
    .reverse()
    .map(([name, value]) => [value, name]),
)

/** The name of the error of this thread's last failed call through koffi. */
export function lastError(): string {
  const number = koffi.errno()
  return errorNames.get(number) ?? `errno ${number}`
}

/**
 * Whether a process holds this file open for writing, asked on Linux by taking a read lease for an instant:
 * fcntl(2). The descriptor is open for reading only. `unknown`: not our file (EACCES without CAP_LEASE), or a
 * file system without leases. `isClosedNext`: the caller closes the descriptor at once, with which the lease ends.
 */
export function hasWriter(fd: number, { isClosedNext = false } = {}): 'no' | 'yes' | 'unknown' {
  // A writer that comes while the lease is held sends its holder a signal; SIGIO would end this process,
  // SIGURG is ignored by default: signal(7).
  fcntl(fd, F_SETSIG, SIGURG)
  if (fcntl(fd, F_SETLEASE, F_RDLCK) === 0) {
    if (!isClosedNext) fcntl(fd, F_SETLEASE, F_UNLCK)
    return 'no'
  }
  return lastError() === 'EAGAIN' ? 'yes' : 'unknown'
}
