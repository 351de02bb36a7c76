import { closeSync, fstatSync, lstatSync, openSync, readdirSync, readSync, renameSync, rmSync } from 'node:fs'
import { warnUnlessCode } from '../dropped-errors.ts'
import { createHasher } from '../platform/digest.ts'
import { READ_FILE } from '../platform/fd.ts'
import { type FileMetadata, toFileMetadata } from '../platform/file-metadata.ts'
import { retryInUseSync } from '../platform/in-use.ts'
import { errorCode, isGone } from '../platform/system-error.ts'
import { toKey } from './file-system.ts'
import type { StoreLayout } from './layout.ts'
import type { Changes, OpenRound } from './manifest/manifest.ts'
import type { Handles } from './open-store.ts'
import { StorageError } from './outcome.ts'
import { versionNameAsGiven } from './retention/retention.ts'

type Recovering = Pick<Handles, 'tree' | 'manifest' | 'fileSystem'> & { layout: StoreLayout }

const READ_BYTES = 1024 * 1024

/**
 * Recovers a round whose process was killed or whose transaction failed, from the files on the disk. A file that has
 * its name is complete, as it was durable before it was named. A file that was moved away, or got a second name, for a new
 * one that never got its name is moved back. No sender has had an answer for any of these files. Blocks.
 */
export function recoverRound({ version, places }: OpenRound, parts: Recovering): void {
  const { tree, manifest } = parts
  manifest.concludeRound((changes) => {
    const known = new Set<string>()
    for (const { source, path } of places) {
      try {
        recoverPlace(source, path, version, known, changes, parts)
      } catch (thrown) {
        // The path does not exist, or the store has not created it.
        if (!isGone(errorCode(thrown)) && !(thrown instanceof StorageError)) throw thrown
      }
    }
  })
  tree.forget()
}

/** @param known versions of the round that were recorded already: places can repeat, or share parent directories. */
function recoverPlace(
  source: number,
  path: string,
  version: string,
  known: Set<string>,
  changes: Changes,
  { layout, tree, manifest, fileSystem }: Recovering,
): void {
  const row = manifest.sourceById(source)
  if (row === null) return
  tree.trim()
  const parts = path.split('/')
  const wayTo = (length: number) => [row.folder, row.directory, ...parts.slice(0, length)]
  const pathTo = (length: number) => parts.slice(0, length).join('/')
  const keyTo = (length: number) => toKey(pathTo(length), fileSystem)
  const versionsTo = (length: number) => tree.enter([...layout.versions, ...wayTo(length)]).path

  /** Returns the versions that this round moved away from the first `length` components of the path, oldest first. */
  const movedFrom = (length: number): string[] => {
    try {
      const getNumber = (name: string) => Number(name.slice(version.length))
      const listed = readdirSync(versionsTo(length)).map(versionNameAsGiven)
      const names = listed.filter((name) => name.startsWith(version))
      return names.sort((a, b) => getNumber(a) - getNumber(b))
    } catch (thrown) {
      if (isGone(errorCode(thrown))) return []
      throw thrown
    }
  }

  /** Records a file, if it can be read. */
  const take = (length: number, file: string) => {
    const found = readContent(file)
    if (found !== null) changes.placed({ source, key: keyTo(length), path: pathTo(length), ...found })
  }

  for (let length = 1; length <= parts.length; length += 1) {
    const key = keyTo(length)
    const moved = movedFrom(length)
    const last = moved.at(-1)
    const place = () => `${tree.enter(wayTo(length - 1)).path}/${parts[length - 1]}`
    let stats = lstatSync(place(), { throwIfNoEntry: false, bigint: true })
    const from = () => `${versionsTo(length)}/${last}`
    const isLinked = last !== undefined && lstatSync(from(), { bigint: true }).ino === stats?.ino
    if (last !== undefined && (stats === undefined || isLinked)) {
      // It may have both names, of which a rename would remove none.
      if (isLinked) rmSync(from())
      else retryInUseSync(() => renameSync(from(), place()))
      tree.forget()
      moved.pop()
      stats = lstatSync(place(), { bigint: true })
    }
    for (const [index, name] of moved.entries()) {
      if (known.has(name)) continue
      known.add(name)
      const file = `${versionsTo(length)}/${name}`
      // A file that was stored and replaced within the round has no row yet.
      if (index > 0) take(length, file)
      if (lstatSync(file).isDirectory()) changes.replacedAll(source, key, name)
      else changes.replaced(source, key, name)
    }
    if (stats?.isDirectory()) changes.made(source, key)
  }
  if (manifest.rows.find(source, keyTo(parts.length), '') === null)
    take(parts.length, `${tree.enter(wayTo(parts.length - 1)).path}/${parts.at(-1)}`)
}

/** Returns null if it is not a file, or cannot be read. Its sender has no answer yet. */
function readContent(file: string): { facts: FileMetadata; digest: Buffer } | null {
  let fd = -1
  try {
    fd = openSync(file, READ_FILE)
    const stats = fstatSync(fd, { bigint: true })
    return stats.isFile() ? { facts: toFileMetadata(stats, null), digest: hashOpenFile(fd) } : null
  } catch (error) {
    return warnUnlessCode(
      error,
      ['ENOENT', 'ELOOP'],
      'a file of an interrupted commit cannot be read; its sender sends it again',
      null,
    )
  } finally {
    if (fd >= 0) closeSync(fd)
  }
}

function hashOpenFile(fd: number): Buffer {
  const hash = createHasher()
  const buffer = Buffer.allocUnsafe(READ_BYTES)
  for (;;) {
    const bytes = readSync(fd, buffer)
    if (bytes === 0) return hash.digest()
    hash.update(buffer.subarray(0, bytes))
  }
}
