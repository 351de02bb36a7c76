import { closeSync, openSync } from 'node:fs'
import { HOLD_DIRECTORY } from '../../files/open-flags.ts'

/** So many directories of the way are kept open: files that follow one another are mostly near each other. */
const MOST_OPEN = 32

/** Finds directories below a root that is open, step by step, and never by a symbolic link. Linux alone; blocks. */
export interface Walker {
  /** The directory, open until the next call. @throws what the system says, ENOTDIR for a symbolic link. */
  enter(directory: string): number
  close(): void
}

const openIn = (fd: number, name: string): number => openSync(`/proc/self/fd/${fd}/${name}`, HOLD_DIRECTORY)

export function openWalker(root: number): Walker {
  /** The way to the last directory. */
  let way: { name: string; fd: number }[] = []
  /** The last directory, if the way is longer than what is kept open. */
  let beyond: number | null = null
  let last: string | null = null

  const cutTo = (length: number) => {
    last = null
    if (beyond !== null) closeSync(beyond)
    beyond = null
    const rest = way.slice(length)
    way = way.slice(0, length)
    for (const { fd } of rest) closeSync(fd)
  }

  const top = () => beyond ?? way.at(-1)?.fd ?? root

  const step = (name: string) => {
    const fd = openIn(top(), name)
    if (way.length < MOST_OPEN) {
      way.push({ name, fd })
      return
    }
    if (beyond !== null) closeSync(beyond)
    beyond = fd
  }

  return {
    enter(directory) {
      if (directory !== last) {
        const names = directory.split('/')
        const same = way.findIndex(({ name }, index) => name !== names[index])
        const shared = same < 0 ? way.length : same
        cutTo(shared)
        for (const name of names.slice(shared)) step(name)
        last = directory
      }
      return top()
    },
    close: () => cutTo(0),
  }
}
