import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'

export const SOURCES = 20
export const FILES = 20_000
const FILE_BYTES = 1024
/** So many are written before others have their turn. */
const AT_ONCE = 50

/** A data directory whose settings have 20 sources in `root`, all else at its default. */
export function configureSources(dataDirectory: string, root: string): void {
  const sources = Array.from({ length: SOURCES }, (_, index) => {
    const name = `source-${String(index + 1).padStart(2, '0')}`
    const directory = path.join(root, name)
    mkdirSync(directory, { recursive: true })
    return { id: name, name, path: directory }
  })
  mkdirSync(dataDirectory, { recursive: true })
  // Notifications would be windows of the desktop's own.
  writeFileSync(path.join(dataDirectory, 'settings.json'), JSON.stringify({ sources, notifications: false }))
}

/** Writes 20,000 new files, spread over the sources. */
export async function writeFiles(root: string, round: string): Promise<void> {
  const content = Buffer.alloc(FILE_BYTES, round)
  for (let index = 0; index < FILES; index += 1) {
    const source = `source-${String((index % SOURCES) + 1).padStart(2, '0')}`
    const fd = openSync(path.join(root, source, `${round}-${index}.dat`), 'wx')
    writeSync(fd, content)
    closeSync(fd)
    if (index % AT_ONCE === 0) await turn()
  }
}
