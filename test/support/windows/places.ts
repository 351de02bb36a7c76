import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { temporaryDirectory } from '../temporary.ts'
import { openWindows, toWindows, type Windows } from './windows.ts'

/** Starts Wine for the tests of a file. */
export function prepareWindows(): () => Windows {
  let windows: Windows
  beforeAll(async () => {
    windows = await openWindows()
  })
  afterAll(() => windows?.close())
  return () => windows
}

/** Returns directories of one test: `make` creates one and returns its path here. */
export function places() {
  const root = temporaryDirectory('windows')
  const at = (name: string) => path.join(root, name)
  return {
    at,
    make(name: string): string {
      mkdirSync(at(name), { recursive: true })
      return at(name)
    },
    /** The option for a data directory. */
    data: (name = 'data'): string[] => ['--data', toWindows(at(name))],
  }
}

/** Writes files of random content, some in deeper directories, some with names of other languages. */
export function writeFiles(directory: string, count: number): void {
  for (let index = 0; index < count; index += 1) {
    const file = path.join(
      directory,
      ['', 'run 1', 'run 1/raw', '資料 été'][index % 4] ?? '',
      `${index} µ.dat`,
    )
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, randomBytes(500 + 37 * index))
  }
}
