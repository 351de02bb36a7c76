import { readdir, stat, unlink } from 'node:fs/promises'
import path from 'node:path'
import type { FileFacts } from '../file-facts.ts'
import type { Admission } from '../limits/admission.ts'
import type { Home } from '../placement/store-disk.ts'
import { makeDirectory } from '../placement/temporary-files.ts'
import { openPartialFile } from './partial-file.ts'
import { nameOf, PARTIAL_NAME, placeOf } from './partial-names.ts'

/** Large files of one sender, and of all, that are on their way or wait to be gone on with. */
const MOST_OF_SENDER = 64
const MOST = 1024
/** What nobody has gone on with for so long is not wanted any more, in milliseconds. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1000
const SWEEP_EVERY_MS = 60 * 60 * 1000

/** A large file on its way, under a name that outlives its connection and this process. */
export interface Partial {
  fd: number
  file: string
  /** Bytes that are there already: what they are is for the digest to say. */
  offset: number
  /** It is closed, holds `bytes`, and may be gone on with; unless another content has taken its place since. */
  keep(bytes: number): Promise<void>
  /** It is closed, and removed. */
  forget(): void
  /**
   * It is closed, and about to be put in its place: no partial file any more. The result takes its bytes off what its
   * sender has, to be called when the manifest counts them or the file is not stored.
   */
  release(): () => void
}

export interface Partials {
  /**
   * The partial file with exactly these facts, or a new one; an older content's of the same place is removed. One
   * that another connection still writes is taken away from it.
   *
   * @param identity what the sender says of which file it is.
   * @param stop ends this use of it, and resolves when it is kept or forgotten.
   * @returns null when there are too many.
   * @throws what the system says.
   */
  open(facts: FileFacts, identity: string, stop: () => Promise<void>): Promise<Partial | null>
  /** Content was stored in this place, given as components below the root: nobody goes on with an older one. */
  supersede(components: readonly string[]): Promise<void>
  /**
   * There is no room, so many bytes are missing: some of those that wait are removed, this sender's first, then the
   * oldest; none if all of them are not enough. `isOwn`: this sender's alone.
   */
  makeRoom(folder: string, bytes: number, isOwn: boolean): Promise<void>
  /** Removes what waits of these senders, or is about to: they may send no longer. */
  abandon(folders: ReadonlySet<string>): Promise<void>
  /** Finds what earlier processes left, and removes what is too old. */
  load(): Promise<void>
  close(): Promise<void>
}

interface Entry {
  folder: string
  name: string
  bytes: number
  /** Milliseconds since 1970. */
  at: number
  /** Ends its use; null: it waits. */
  stop: (() => Promise<void>) | null
  superseded: boolean
  /** Takes its bytes off what its sender has. */
  discharge: () => void
}

/** @param directory holds one directory for each sender's folder. */
export function openPartials(directory: string, admission: Pick<Admission, 'charge'>, home: Home): Partials {
  /** One for each place at most. */
  const entries = new Map<string, Entry>()
  let loading: Promise<void> | null = null
  let isMakingRoom = false
  const fileOf = ({ folder, name }: Pick<Entry, 'folder' | 'name'>) => path.join(directory, folder, name)

  const remove = async (place: string, entry: Entry): Promise<void> => {
    if (entries.get(place) === entry) entries.delete(place)
    entry.discharge()
    await unlink(fileOf(entry)).catch(() => undefined)
  }

  /** Removes those that wait and that `isOver` says of. */
  const removeIdle = async (isOver: (entry: Entry) => boolean): Promise<void> => {
    const over = [...entries].filter(([, entry]) => entry.stop === null && isOver(entry))
    await Promise.all(over.map(([place, entry]) => remove(place, entry)))
  }

  const sweep = () => removeIdle(({ at }) => Date.now() - at > KEPT_MS)
  const timer = setInterval(() => void sweep(), SWEEP_EVERY_MS)
  timer.unref()

  const loadFolder = async (folder: string): Promise<void> => {
    for (const name of await readdir(path.join(directory, folder)).catch(() => [])) {
      const place = `${folder}/${PARTIAL_NAME.exec(name)?.[1] ?? ''}`
      const found = await stat(fileOf({ folder, name })).catch(() => null)
      if (found === null) continue
      const discharge = admission.charge(folder, found.size)
      const entry = { folder, name, bytes: found.size, at: found.mtimeMs, stop: null, superseded: false }
      // Two of one place are no work of this class: nobody knows which one is wanted.
      if (entries.has(place) || !PARTIAL_NAME.test(name)) await remove('', { ...entry, discharge })
      else entries.set(place, { ...entry, discharge })
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
    const ofSender = () => [...entries].filter(([, entry]) => entry.folder === folder)
    for (const [all, most] of [
      [ofSender, MOST_OF_SENDER],
      [() => [...entries], MOST],
    ] as const) {
      if (all().length < most) continue
      const waiting = all().filter(([, { stop }]) => stop === null)
      const [oldest] = waiting.sort(([, a], [, b]) => a.at - b.at)
      if (oldest === undefined) return false
      await remove(...oldest)
    }
    return true
  }

  const makeFolder = async (folder: string): Promise<void> => {
    await home.check()
    for (const made of [path.dirname(directory), directory, path.join(directory, folder)])
      await makeDirectory(made)
  }

  const partialOf = (place: string, entry: Entry, fd: number, offset: number): Partial => ({
    fd,
    file: fileOf(entry),
    offset,
    async keep(bytes) {
      entry.stop = null
      entry.at = Date.now()
      if (entry.superseded || bytes === 0) return remove(place, entry)
      entry.bytes = bytes
      entry.discharge()
      entry.discharge = admission.charge(entry.folder, bytes)
    },
    forget() {
      entry.discharge()
      if (entries.get(place) === entry) entries.delete(place)
    },
    release() {
      if (entries.get(place) === entry) entries.delete(place)
      return entry.discharge
    },
  })

  return {
    load,
    async open(facts, identity, stop) {
      await load()
      const { folder } = facts
      const name = nameOf(facts, identity)
      const place = placeOf(folder, `${facts.source}/${facts.path}`)
      for (let used = entries.get(place); used?.stop != null; used = entries.get(place)) {
        await used.stop()
        if (entries.get(place) === used && used.stop !== null) return null
      }
      const old = entries.get(place)
      if (old !== undefined && old.name !== name) await remove(place, old)
      if (!entries.has(place) && !(await hasPlace(folder))) return null
      const before = entries.get(place)
      // Others came meanwhile: theirs is as good.
      if (before !== undefined && (before.stop !== null || before.name !== name)) return null
      const entry: Entry = before ?? {
        ...{ folder, name, bytes: 0, at: Date.now(), superseded: false },
        stop,
        discharge: () => undefined,
      }
      entry.stop = stop
      entries.set(place, entry)
      try {
        const { fd, offset } = await openPartialFile(fileOf(entry), facts.size, () => makeFolder(folder))
        return partialOf(place, entry, fd, offset)
      } catch (thrown) {
        entries.delete(place)
        entry.discharge()
        throw thrown
      }
    },
    async supersede([folder = '', ...rest]) {
      if (entries.size === 0) return
      const place = placeOf(folder, rest.join('/'))
      const entry = entries.get(place)
      if (entry === undefined) return
      if (entry.stop === null) await remove(place, entry)
      else entry.superseded = true
    },
    async makeRoom(folder, bytes, isOwn) {
      // Who asks while room is made finds it made, or asks again: files that are refused are tried again.
      if (isMakingRoom) return
      const isMine = (entry: Entry) => Number(entry.folder === folder)
      const waiting = [...entries].filter(([, one]) => one.stop === null && (!isOwn || isMine(one) === 1))
      waiting.sort(([, a], [, b]) => isMine(b) - isMine(a) || a.at - b.at)
      const most = waiting.reduce((sum, [, entry]) => sum + entry.bytes, 0)
      if (most < bytes) return
      let left = bytes
      const going = waiting.filter(([, entry]) => {
        const isInTheWay = left > 0
        left -= entry.bytes
        return isInTheWay
      })
      isMakingRoom = true
      // All at once: one that waits for another's end could be gone on with meanwhile.
      await Promise.all(going.map(([place, entry]) => remove(place, entry)))
      isMakingRoom = false
    },
    async abandon(folders) {
      await load()
      for (const entry of entries.values()) entry.superseded ||= folders.has(entry.folder)
      await removeIdle(({ superseded }) => superseded)
    },
    async close() {
      clearInterval(timer)
      await Promise.all([...entries.values()].map(({ stop }) => stop?.()))
    },
  }
}
