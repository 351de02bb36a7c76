import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, readdir, stat, unlink } from 'node:fs/promises'
import path from 'node:path'
import { closeFd, openFd, statFd } from '../files/fd.ts'
import { errorCode } from '../files/system-error.ts'
import type { Admission } from './limits/admission.ts'
import type { Offered } from './parts.ts'

/** Partial files of one sender, and of all. */
const MOST_OF_SENDER = 64
const MOST = 1024
/** A partial file that nobody resumes is removed after this, in milliseconds. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1000
const SWEEP_EVERY_MS = 60 * 60 * 1000
const FLAGS = constants.O_RDWR | (constants.O_NOFOLLOW ?? 0)

/** A large file on its way, under a name that outlives its connection and this process. The caller closes it. */
export interface Partial {
  fd: number
  path: string
  /** Bytes that are there already: what they are is for the digest to say. */
  offset: number
  /** It is closed. `bytes`: so much of it can be resumed; null: it is removed. */
  end(bytes: number | null): Promise<void>
  /** It is in its place, or gone. */
  placed(): void
}

export type Partials = ReturnType<typeof openPartials>

interface Entry {
  folder: string
  name: string
  bytes: number
  /** Milliseconds since 1970. */
  at: number
  isInUse: boolean
  /** Its place has got another content, or its sender may send no longer, since. */
  isUnwanted: boolean
  /** Takes its bytes off what its sender has. */
  discharge: () => void
}

const digestOf = (...parts: (string | number)[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)

/** `<digest of the place>-<digest of what tells this content from another of the same place>` */
const NAME = /^([0-9a-f]{32})-[0-9a-f]{32}$/

/** What is there, if it is a regular file that is not too long; else a new, empty file. */
async function openPartialFile(file: string, size: number): Promise<{ fd: number; offset: number }> {
  const old = await openFd(file, FLAGS).catch(() => null)
  if (old !== null) {
    const stats = await statFd(old).catch(() => null)
    if (stats?.isFile() && stats.size <= size) return { fd: old, offset: Number(stats.size) }
    await closeFd(old).catch(() => undefined)
  }
  await unlink(file).catch(() => undefined)
  return { fd: await openFd(file, FLAGS | constants.O_CREAT | constants.O_EXCL, 0o600), offset: 0 }
}

/** @param directory holds one directory for each sender's folder. */
export function openPartials(directory: string, admission: Pick<Admission, 'charge'>) {
  /** One for each place at most; by the digest of the place. */
  const entries = new Map<string, Entry>()
  let loading: Promise<void> | null = null
  const fileOf = ({ folder, name }: Pick<Entry, 'folder' | 'name'>) => path.join(directory, folder, name)
  const placeOf = (source: number, file: string) => digestOf(source, file)

  const remove = async (place: string, entry: Entry): Promise<void> => {
    if (entries.get(place) === entry) entries.delete(place)
    entry.discharge()
    await unlink(fileOf(entry)).catch(() => undefined)
  }
  const idle = (): [string, Entry][] =>
    [...entries].filter(([, { isInUse }]) => !isInUse).sort(([, a], [, b]) => a.at - b.at)
  const removeAll = async (some: readonly [string, Entry][]): Promise<void> => {
    await Promise.all(some.map(([place, entry]) => remove(place, entry)))
  }

  const sweep = () => removeAll(idle().filter(([, { at }]) => Date.now() - at > KEPT_MS))
  const timer = setInterval(() => void sweep(), SWEEP_EVERY_MS)
  timer.unref()

  const loadFolder = async (folder: string): Promise<void> => {
    for (const name of await readdir(path.join(directory, folder)).catch(() => [])) {
      const place = NAME.exec(name)?.[1]
      const found = await stat(fileOf({ folder, name })).catch(() => null)
      if (found === null) continue
      const entry: Entry = {
        ...{ folder, name, bytes: found.size, at: found.mtimeMs, isInUse: false, isUnwanted: false },
        discharge: admission.charge(folder, found.size),
      }
      // Two of one place are no work of this class: nobody knows which one is wanted.
      if (place === undefined || entries.has(place)) await remove('', entry)
      else entries.set(place, entry)
    }
  }

  const load = (): Promise<void> => {
    loading ??= readdir(directory)
      .catch(() => [])
      .then(async (folders) => {
        for (const folder of folders) await loadFolder(folder)
        await sweep()
      })
    return loading
  }

  /** Makes room for one more of this sender's. False: all that there may be are in use. */
  const hasPlace = async (folder: string): Promise<boolean> => {
    const mine = idle().filter(([, entry]) => entry.folder === folder)
    const all = [...entries.values()]
    const isMine = all.filter((entry) => entry.folder === folder).length >= MOST_OF_SENDER
    if (!isMine && all.length < MOST) return true
    const [oldest] = isMine ? mine : idle()
    if (oldest === undefined) return false
    await remove(...oldest)
    return true
  }

  const makeFolder = async (folder: string): Promise<void> => {
    for (const made of [directory, path.join(directory, folder)])
      await mkdir(made, { mode: 0o700 }).catch((thrown: unknown) => {
        if (errorCode(thrown) !== 'EEXIST') throw thrown
      })
  }

  const partialOf = (place: string, entry: Entry, fd: number, offset: number): Partial => ({
    fd,
    path: fileOf(entry),
    offset,
    async end(bytes) {
      entry.isInUse = false
      entry.at = Date.now()
      if (entry.isUnwanted || bytes === null || bytes === 0) return remove(place, entry)
      entry.bytes = bytes
      entry.discharge()
      entry.discharge = admission.charge(entry.folder, bytes)
    },
    placed() {
      if (entries.get(place) === entry) entries.delete(place)
      entry.discharge()
    },
  })

  return {
    /** Finds what earlier processes left, and removes what is too old. */
    load,
    /**
     * The partial file with exactly these facts, or a new one; an older content's of the same place is removed.
     * @param identity what the sender says of which file it is.
     * @returns null when there are too many, or this one is in use.
     * @throws what the system says.
     */
    async open(file: Offered, identity: string) {
      await load()
      const { source, path: name, facts } = file
      const { folder } = source
      const place = placeOf(source.id, name)
      const wanted = `${place}-${digestOf(facts.size, String(facts.mtimeNs), identity)}`
      const old = entries.get(place)
      if (old?.isInUse === true) return null
      if (old !== undefined && old.name !== wanted) await remove(place, old)
      if (!entries.has(place) && !(await hasPlace(folder))) return null
      const entry: Entry = entries.get(place) ?? {
        ...{ folder, name: wanted, bytes: 0, at: Date.now(), isUnwanted: false },
        isInUse: true,
        discharge: () => undefined,
      }
      // Another file of this place came meanwhile.
      if (entry.isInUse && entries.has(place)) return null
      entry.isInUse = true
      entries.set(place, entry)
      try {
        await makeFolder(folder)
        const { fd, offset } = await openPartialFile(fileOf(entry), facts.size)
        return partialOf(place, entry, fd, offset)
      } catch (thrown) {
        entries.delete(place)
        entry.discharge()
        throw thrown
      }
    },
    /** Content was stored in this place in another way: no older one is resumed. */
    superseded(source: number, file: string) {
      if (entries.size === 0) return
      const place = placeOf(source, file)
      const entry = entries.get(place)
      if (entry === undefined) return
      entry.isUnwanted = true
      if (!entry.isInUse) void remove(place, entry)
    },
    /** There is no room: what waits of this sender is removed, the oldest first, for so many bytes. */
    makeRoom(folder: string, bytes: number) {
      const mine = idle().filter(([, entry]) => entry.folder === folder)
      // None, if all of them are not enough: one file that can never fit must not cost every other's beginning.
      if (mine.reduce((sum, [, entry]) => sum + entry.bytes, 0) < bytes) return
      let left = bytes
      const going = mine.filter(([, entry]) => {
        const isInTheWay = left > 0
        left -= entry.bytes
        return isInTheWay
      })
      void removeAll(going)
    },
    /** Removes what waits of these senders: they may send no longer. */
    async abandon(folders: ReadonlySet<string>) {
      await load()
      for (const entry of entries.values()) entry.isUnwanted ||= folders.has(entry.folder)
      await removeAll(idle().filter(([, { isUnwanted }]) => isUnwanted))
    },
    close: () => clearInterval(timer),
  }
}
