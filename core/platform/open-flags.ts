import { constants } from 'node:fs'

// How open(2) is asked where other programs may change what a name means at any time.

// Not every system has all of them: Windows knows neither links to follow nor FIFOs to wait for.
const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_DIRECTORY = 0 } = constants

/** To read a file: a symbolic link or a FIFO that took its place is noticed, not followed or waited for. */
export const READ_FILE = O_RDONLY | O_NOFOLLOW | O_NONBLOCK

/** To write a file that nobody else has made. */
export const WRITE_NEW_FILE = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW

/** To hold a directory, and not what a symbolic link of its name leads to. */
export const HOLD_DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
