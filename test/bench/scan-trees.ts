import { closeSync, mkdirSync, openSync } from 'node:fs'
import path from 'node:path'

/** Makes `directories` directories with `files` empty files in each. */
export function makeTree(root: string, directories: number, files: number): void {
  for (let one = 0; one < directories; one += 1) {
    const directory = path.join(root, treeDirectory(one))
    mkdirSync(directory, { recursive: true })
    for (let file = 0; file < files; file += 1)
      closeSync(openSync(path.join(directory, `file${file}.dat`), 'wx'))
  }
}

export function treeDirectory(index: number): string {
  return `dir${String(index).padStart(4, '0')}`
}
