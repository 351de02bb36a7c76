import { constants } from 'node:fs'

// Flags of open(2) for paths that other programs may replace at any time.

// Not every system has all of them: Windows has neither O_NOFOLLOW nor FIFOs.
const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_DIRECTORY = 0 } = constants

/** Reads a file. A symbolic link fails, and a FIFO does not block. */
export const READ_FILE = O_RDONLY | O_NOFOLLOW | O_NONBLOCK

/** Creates a file for writing; fails if it exists. */
export const WRITE_NEW_FILE = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW

/** Opens a directory; a symbolic link fails. */
export const HOLD_DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
