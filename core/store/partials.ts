import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, readdir, stat, unlink } from 'node:fs/promises'
import path from 'node:path'
import { expectErrorCodes, warnUnlessCode } from '../dropped-errors.ts'
import { closeQuietly, openFd, statFd } from '../platform/fd.ts'
import { errorCode } from '../platform/system-error.ts'
import type { Offered } from './offered.ts'
import type { Admission } from './quota/admission.ts'

/** Maximum of partial files of one sender, and of all senders. */
const MOST_OF_SENDER = 64
const MOST = 1024
/** Time in milliseconds after which an unused partial file is removed; PROTOCOL.md promises it to senders. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1000
const SWEEP_EVERY_MS = 60 * 60 * 1000
const FLAGS = constants.O_RDWR | (constants.O_NOFOLLOW ?? 0)

/** An incomplete large file, under a name that survives its connection and this process. The caller closes it. */
export interface Partial {
  fd: number
  path: string
  /** Bytes that are there already. They are not trusted: the digest of the whole file decides. */
  offset: number
  /** Called after closing the file. `bytes`: how much of it can be resumed; null: removes the file. */
  end(bytes: number | null): Promise<void>
  /** Called when the file was stored or removed. */
  placed(): void
}

interface Entry {
  /** Digest of the source and the path. */
  place: string
  folder: string
  name: string
  bytes: number
  /** Milliseconds since 1970. */
  at: number
  isInUse: boolean
  /** Other content was stored at its path since, or its sender was revoked. */
  isUnwanted: boolean
  /** Subtracts its bytes from the sender's usage. */
  discharge: () => void
}

const hashParts = (...parts: (string | number)[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)

/** `<digest of source and path>-<digest of size, time and identity>` */
const NAME = /^([0-9a-f]{32})-[0-9a-f]{32}$/

/** Opens an existing regular file of at most `size` bytes, else replaces it by an empty file. */
async function openPartialFile(file: string, size: number): Promise<{ fd: number; offset: number }> {
  const old = await openFd(file, FLAGS).catch((error) =>
    warnUnlessCode(error, ['ENOENT'], 'a partial file cannot be resumed', null),
  )
  if (old !== null) {
    const stats = await statFd(old).catch((error) =>
      warnUnlessCode(error, [], 'a partial file cannot be resumed', null),
    )
    if (stats?.isFile() && stats.size <= size) return { fd: old, offset: Number(stats.size) }
    await closeQuietly(old)
  }
  await unlink(file).catch(expectErrorCodes(['ENOENT'], undefined))
  return { fd: await openFd(file, FLAGS | constants.O_CREAT | constants.O_EXCL, 0o600), offset: 0 }
}

const NOT_COUNTED = 'partial files that cannot be listed are neither resumed nor counted until the next start'

/** Large files that were received in part. */
export class Partials {
  readonly #directory: string
  readonly #admission: Pick<Admission, 'charge'>
  /** At most a single entry for each path; by the digest of source and path. */
  readonly #entries = new Map<string, Entry>()
  #loading: Promise<void> | null = null
  readonly #timer = setInterval(() => void this.#sweep(), SWEEP_EVERY_MS).unref()

  /** @param directory has a subdirectory for each sender's folder. */
  constructor(directory: string, admission: Pick<Admission, 'charge'>) {
    this.#directory = directory
    this.#admission = admission
  }

  /** Loads the partial files of earlier processes, and removes expired ones. */
  load(): Promise<void> {
    this.#loading ??= readdir(this.#directory)
      .catch((error) => warnUnlessCode(error, ['ENOENT'], NOT_COUNTED, []))
      .then(async (folders) => {
        for (const folder of folders) await this.#loadFolder(folder)
        await this.#sweep()
      })
    return this.#loading
  }

  /**
   * Opens the partial file with exactly these facts, or a new one. Removes a partial file of other content at this
   * path.
   * @param identity identifies the file at the sender.
   * @returns null if there are too many partial files, or this one is in use.
   * @throws system errors
   */
  async open({ source, path: file, facts }: Offered, identity: string): Promise<Partial | null> {
    await this.load()
    const { folder } = source
    const place = hashParts(source.id, file)
    const name = `${place}-${hashParts(facts.size, String(facts.mtimeNs), identity)}`
    const old = this.#entries.get(place)
    if (old?.isInUse === true) return null
    if (old !== undefined && old.name !== name) await this.#remove(old)
    if (!this.#entries.has(place) && !(await this.#hasPlace(folder))) return null
    const found = this.#entries.get(place)
    // A second upload to this path started in the meantime.
    if (found?.isInUse === true) return null
    const entry = found ?? this.#createEntry({ place, folder, name, bytes: 0, at: Date.now() })
    entry.isInUse = true
    this.#entries.set(place, entry)
    try {
      for (const made of [this.#directory, path.join(this.#directory, folder)])
        await mkdir(made, { mode: 0o700 }).catch((thrown: unknown) => {
          if (errorCode(thrown) !== 'EEXIST') throw thrown
        })
      const { fd, offset } = await openPartialFile(this.#getFile(entry), facts.size)
      return this.#createPartial(entry, fd, offset)
    } catch (thrown) {
      this.#forget(entry)
      throw thrown
    }
  }

  /** Discards the partial file of a path, as other content was stored there. */
  superseded(source: number, file: string): void {
    if (this.#entries.size === 0) return
    const entry = this.#entries.get(hashParts(source, file))
    if (entry === undefined) return
    entry.isUnwanted = true
    if (!entry.isInUse) void this.#remove(entry)
  }

  /** Frees `bytes` by removing idle partial files of a sender, oldest first. */
  makeRoom(folder: string, bytes: number): void {
    const mine = this.#idle().filter((entry) => entry.folder === folder)
    // Removes none if all of them are not enough: a file that can never fit must not cost every other partial file.
    if (mine.reduce((sum, entry) => sum + entry.bytes, 0) < bytes) return
    let left = bytes
    for (const entry of mine) {
      if (left > 0) void this.#remove(entry)
      left -= entry.bytes
    }
  }

  /** Removes the partial files of revoked senders. */
  async abandon(folders: ReadonlySet<string>): Promise<void> {
    await this.load()
    for (const entry of this.#entries.values()) entry.isUnwanted ||= folders.has(entry.folder)
    await this.#removeIdle(({ isUnwanted }) => isUnwanted)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #createPartial(entry: Entry, fd: number, offset: number): Partial {
    return {
      fd,
      path: this.#getFile(entry),
      offset,
      end: async (bytes) => {
        entry.isInUse = false
        entry.at = Date.now()
        if (entry.isUnwanted || bytes === null || bytes === 0) return this.#remove(entry)
        entry.bytes = bytes
        entry.discharge()
        entry.discharge = this.#admission.charge(entry.folder, bytes)
      },
      placed: () => this.#forget(entry),
    }
  }

  async #loadFolder(folder: string): Promise<void> {
    for (const name of await readdir(path.join(this.#directory, folder)).catch((error) =>
      warnUnlessCode(error, ['ENOENT', 'ENOTDIR'], NOT_COUNTED, []),
    )) {
      const place = NAME.exec(name)?.[1] ?? ''
      const found = await stat(this.#getFile({ folder, name })).catch((error) =>
        warnUnlessCode(error, ['ENOENT'], NOT_COUNTED, null),
      )
      if (found === null) continue
      const entry = this.#createEntry({ place, folder, name, bytes: found.size, at: found.mtimeMs })
      // This class never leaves two files for one path: the second cannot be matched and is removed.
      if (place === '' || this.#entries.has(place)) await this.#remove(entry)
      else this.#entries.set(place, entry)
    }
  }

  #createEntry(found: Pick<Entry, 'place' | 'folder' | 'name' | 'bytes' | 'at'>): Entry {
    const discharge = this.#admission.charge(found.folder, found.bytes)
    return { ...found, isInUse: false, isUnwanted: false, discharge }
  }

  #sweep(): Promise<void> {
    return this.#removeIdle(({ at }) => Date.now() - at > KEPT_MS)
  }

  /** Makes room for another partial file of a sender. Returns false if the limit is reached and all are in use. */
  async #hasPlace(folder: string): Promise<boolean> {
    const all = [...this.#entries.values()]
    const isMine = all.filter((entry) => entry.folder === folder).length >= MOST_OF_SENDER
    if (!isMine && all.length < MOST) return true
    const oldest = this.#idle().find((entry) => !isMine || entry.folder === folder)
    if (oldest === undefined) return false
    await this.#remove(oldest)
    return true
  }

  /** Returns the partial files that are not in use, oldest first. */
  #idle(): Entry[] {
    return [...this.#entries.values()].filter(({ isInUse }) => !isInUse).sort((a, b) => a.at - b.at)
  }

  async #removeIdle(isGoing: (entry: Entry) => boolean): Promise<void> {
    await Promise.all(
      this.#idle()
        .filter(isGoing)
        .map((entry) => this.#remove(entry)),
    )
  }

  async #remove(entry: Entry): Promise<void> {
    this.#forget(entry)
    await unlink(this.#getFile(entry)).catch((error) =>
      warnUnlessCode(error, ['ENOENT'], 'a partial file stays until the next start'),
    )
  }

  #forget(entry: Entry): void {
    if (this.#entries.get(entry.place) === entry) this.#entries.delete(entry.place)
    entry.discharge()
  }

  #getFile({ folder, name }: Pick<Entry, 'folder' | 'name'>): string {
    return path.join(this.#directory, folder, name)
  }
}
