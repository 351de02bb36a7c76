import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import path from 'node:path'

// A program of its own that writes a burst of files as fast as it can: scan-writer.ts ROOT FIRST LAST DIRECTORY…
// puts the files f<FIRST> … f<LAST - 1> into each directory, making those that are missing just before.

const [root = '', first = '', last = '', ...directories] = process.argv.slice(2)
for (const directory of directories) {
  const absolute = path.join(root, directory)
  mkdirSync(absolute, { recursive: true })
  for (let index = Number(first); index < Number(last); index += 1) {
    const fd = openSync(`${absolute}/f${index}`, 'w', 0o644)
    writeSync(fd, 'x'.repeat(1 + (index % 7)))
    closeSync(fd)
  }
}
