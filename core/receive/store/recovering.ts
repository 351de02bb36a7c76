import { closeSync, fstatSync, lstatSync, openSync, readdirSync, readSync, renameSync } from 'node:fs'
import { createHasher } from '../../files/digest.ts'
import { fileFactsOf } from '../../files/facts.ts'
import { READ_FILE } from '../../files/open-flags.ts'
import { errorCode, isGone } from '../../files/system-error.ts'
import { FileRefused } from '../file-refused.ts'
import type { StoreLayout } from '../layout.ts'
import type { Changes, Manifest, OpenRound } from '../manifest/manifest.ts'
import type { FileSystem } from './file-system.ts'
import { keyOf } from './file-system.ts'
import type { Tree } from './tree.ts'

interface Recovering {
  layout: StoreLayout
  tree: Tree
  manifest: Pick<Manifest, 'concludeRound' | 'sourceById'>
  fileSystem: FileSystem
}

const READ_BYTES = 1024 * 1024

/**
 * Brings a round to its end whose process was killed in it, or whose transaction failed: what is on the disk decides.
 * Contents that have their names are whole (they were durable before); what was moved away for one that never got its
 * name gets it back. Nobody was told of any of them. Blocks.
 */
export function recoverRound({ version, places }: OpenRound, parts: Recovering): void {
  const { tree, manifest } = parts
  manifest.concludeRound((changes) => {
    for (const { source, path } of places) {
      try {
        recoverPlace(source, path, version, changes, parts)
      } catch (thrown) {
        // It is not there, or what is there is nothing that the store has made.
        if (!isGone(errorCode(thrown)) && !(thrown instanceof FileRefused)) throw thrown
      }
    }
  })
  tree.forget()
}

function recoverPlace(
  source: number,
  path: string,
  version: string,
  changes: Changes,
  { layout, tree, manifest, fileSystem }: Recovering,
): void {
  const row = manifest.sourceById(source)
  if (row === null) return
  const parts = path.split('/')
  const wayTo = (length: number) => [row.folder, row.directory, ...parts.slice(0, length)]
  const keyTo = (length: number) => keyOf(parts.slice(0, length).join('/'), fileSystem)

  /** What this round has moved away from a place on the way, oldest first. */
  const movedFrom = (length: number): string[] => {
    try {
      const { path: at } = tree.enter([...layout.versions, ...wayTo(length)])
      const numberOf = (name: string) => Number(name.slice(version.length))
      const names = readdirSync(at).filter((name) => name.startsWith(version))
      return names.sort((a, b) => numberOf(a) - numberOf(b))
    } catch (thrown) {
      if (isGone(errorCode(thrown))) return []
      throw thrown
    }
  }

  for (let length = 1; length <= parts.length; length += 1) {
    const parent = tree.enter(wayTo(length - 1))
    const file = `${parent.path}/${parts[length - 1]}`
    const stats = lstatSync(file, { throwIfNoEntry: false })
    const [moved] = movedFrom(length)
    if (moved !== undefined && stats === undefined) {
      const versions = tree.enter([...layout.versions, ...wayTo(length)])
      const above = tree.enter(wayTo(length - 1))
      renameSync(`${versions.path}/${moved}`, `${above.path}/${parts[length - 1]}`)
      tree.forget()
      return
    }
    if (moved !== undefined) {
      changes.replaced(source, keyTo(length), moved)
      changes.replacedAll(source, keyTo(length), moved)
    }
    if (stats?.isDirectory()) changes.made(source, keyTo(length))
  }

  const key = keyTo(parts.length)
  if (changes.find(source, key) !== null) return
  const fd = openSync(`${tree.enter(wayTo(parts.length - 1)).path}/${parts.at(-1)}`, READ_FILE)
  try {
    const stats = fstatSync(fd, { bigint: true })
    if (!stats.isFile()) return
    const facts = fileFactsOf(stats, null)
    changes.placed({ source, key, path, facts, digest: digestOfOpen(fd) })
  } finally {
    closeSync(fd)
  }
}

function digestOfOpen(fd: number): Buffer {
  const hash = createHasher()
  const buffer = Buffer.allocUnsafe(READ_BYTES)
  for (;;) {
    const bytes = readSync(fd, buffer)
    if (bytes === 0) return hash.digest()
    hash.update(buffer.subarray(0, bytes))
  }
}
