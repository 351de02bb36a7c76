import koffi from 'koffi'

const F_SETLEASE = 1024
const F_SETSIG = 10
const F_RDLCK = 0
const F_UNLCK = 2
const SIGURG = 23

const fcntl: (fd: number, command: number, type: 'int', argument: number) => number = koffi
  .load(null)
  .func('int fcntl(int fd, int command, ...)')

/** The name of the error of this thread's last failed call through koffi. */
export function lastError(): string {
  const number = koffi.errno()
  for (const [name, value] of Object.entries(koffi.os.errno)) if (value === number) return name
  return `errno ${number}`
}

/**
 * Whether a process holds this file open for writing, asked on Linux by taking a read lease for an instant:
 * fcntl(2). The descriptor is open for reading only. `unknown`: not our file (EACCES without CAP_LEASE), or a
 * file system without leases.
 */
export function hasWriter(fd: number): 'no' | 'yes' | 'unknown' {
  // A writer that comes while the lease is held sends its holder a signal; SIGIO would end this process,
  // SIGURG is ignored by default: signal(7).
  fcntl(fd, F_SETSIG, 'int', SIGURG)
  if (fcntl(fd, F_SETLEASE, 'int', F_RDLCK) === 0) {
    fcntl(fd, F_SETLEASE, 'int', F_UNLCK)
    return 'no'
  }
  return lastError() === 'EAGAIN' ? 'yes' : 'unknown'
}
