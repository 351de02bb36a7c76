import {
  closeSync,
  constants,
  fsync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { syncWhole } from '../files/libc.ts'
import { errorCode } from '../files/system-error.ts'
import { Problem } from '../words/problem.ts'
import { isRunning } from '../worker/is-running.ts'
import type { FileSystem } from './file-system.ts'
import { keyOf, tryFileSystem, UNKNOWN_FILE_SYSTEM } from './file-system.ts'
import type { StoreLayout } from './layout.ts'
import { openManifestFile, readManifestFile } from './manifest/file.ts'
import type { Manifest, SenderTotals } from './manifest/manifest.ts'
import { openManifest } from './manifest/manifest.ts'
import { openRows } from './manifest/rows.ts'
import type { CommitJob, CommitResults, Opened, RoundResult, ToldDirectory, ToPlace } from './messages.ts'
import type { Outcome } from './outcome.ts'
import { FileRefused, outcomeOf } from './outcome.ts'
import { openPlacing } from './placing.ts'
import { pruneSome } from './pruning.ts'
import { recoverRound } from './recovering.ts'
import type { Tree } from './tree.ts'
import { openTree } from './tree.ts'
import { versionPrefix } from './versions/name.ts'

type RoundJob = Extract<CommitJob, { kind: 'round' }>

/** Files, or directories, that are synced at the same time. */
const SYNCS_AT_ONCE = 64
/** Facts of directories that are not made yet: their files come in a later round. */
const MOST_TOLD = 4096
/**
 * Pages of the manifest's log, 32 MiB, from which on a commit copies them into the database (sqlite.org/wal.html); what
 * is less is copied when the store rests.
 */
const LOG_PAGES = 8192

const syncFd = promisify(fsync)

/** What is open while something is under way. */
interface Awake {
  database: DatabaseSyncInstance
  manifest: Manifest
  tree: Tree
  /** Older than all that is written now: no error of a sync escapes it. */
  root: number
  fileSystem: FileSystem
  /** The manifest has a write-ahead log; else, as on some network file systems, each commit is synced by itself. */
  isLogged: boolean
  opened: Opened
}

/**
 * Does what changes the store, one job after the other, with calls that block: the names of files, and the manifest.
 * A round commits what it has done to the manifest and has both made durable together, before anybody is answered.
 *
 * @param beat is called with each call to the disk that was answered.
 */
export function openCommitter(layout: StoreLayout, beat: () => void) {
  const mine = path.join(layout.temporary, `${process.pid}-${Math.random().toString(36).slice(2)}`)
  const told = new Map<string, ToldDirectory>()
  let awake: Awake | null = null
  let fileSystem: FileSystem | null = null
  let home: bigint | null = null
  let names = 0
  let countedAt = performance.now()

  /**
   * The disk that the store was on when it was opened can go away under it (umount -l, a cable), and then what is under
   * its mount point is a directory like any other: what is put there is on another disk, and hidden when the right one
   * is back. A disk that comes back may have another number, but its directories have their inodes still.
   */
  const requireHome = (): void => {
    const now = statSync(layout.own, { bigint: true, throwIfNoEntry: false })?.ino ?? null
    home ??= now
    if (now === null || now !== home) throw new FileRefused('failed', 'ENODEV')
    beat()
  }

  const prepare = (): void => {
    for (const directory of [layout.temporary, mine]) {
      try {
        mkdirSync(directory, { mode: 0o700 })
      } catch (thrown) {
        if (errorCode(thrown) !== 'EEXIST') throw thrown
      }
    }
    // A disk that is read-only by now says so here; SQLite would only say that it cannot open a file.
    utimesSync(mine, new Date(), new Date())
  }

  const tried = (): FileSystem => {
    if (fileSystem !== null) return fileSystem
    try {
      fileSystem = tryFileSystem(mine)
      return fileSystem
    } catch {
      return UNKNOWN_FILE_SYSTEM
    }
  }

  const countTime = (manifest: Manifest): void => {
    const now = performance.now()
    manifest.passed(now - countedAt)
    countedAt = now
  }

  const wake = (): Awake => {
    requireHome()
    if (awake !== null) return awake
    prepare()
    const { database, aside } = openManifestFile(layout.manifest)
    try {
      const manifest = openManifest(database)
      const { journal_mode: mode } = database.prepare('PRAGMA journal_mode').get() as { journal_mode: string }
      const isLogged = mode === 'wal'
      database.exec(isLogged ? `PRAGMA wal_autocheckpoint = ${LOG_PAGES}` : 'PRAGMA synchronous = FULL')
      const root = openSync(layout.root, constants.O_RDONLY)
      const now = tried()
      const opened: Opened = {
        epoch: manifest.epoch,
        totals: manifest.totals().map(({ folder, ...totals }) => [folder, totals]),
        directory: mine,
        hasUnnamed: now.hasUnnamed,
        syncsWhole: now.syncsWhole,
        aside,
      }
      awake = { database, manifest, tree: openTree(layout.root), root, fileSystem: now, isLogged, opened }
      return awake
    } catch (thrown) {
      database.close()
      throw thrown
    }
  }

  const rest = (): void => {
    if (awake === null) return
    const { database, manifest, tree, root } = awake
    awake = null
    tree.close()
    closeSync(root)
    try {
      countTime(manifest)
    } finally {
      database.close()
    }
  }

  /** Many at a time, in libuv's pool: each waits for the disk. */
  const syncAll = async (fds: readonly number[]): Promise<void> => {
    for (let at = 0; at < fds.length; at += SYNCS_AT_ONCE) {
      await Promise.all(fds.slice(at, at + SYNCS_AT_ONCE).map((fd) => syncFd(fd)))
      beat()
    }
  }

  const syncEach = async ({ tree }: Awake, directories: ReadonlySet<string>): Promise<void> => {
    for (const directory of directories) {
      try {
        tree.sync(directory === '' ? [] : directory.split('/'))
      } catch (thrown) {
        // Somebody has exchanged it for a link: the files below it are not stored, which their own entries say.
        if (!(thrown instanceof FileRefused)) throw thrown
      }
      beat()
    }
  }

  const syncLog = (): void => {
    const fd = openSync(`${layout.manifest}-wal`, constants.O_RDONLY)
    try {
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  }

  const tell = (
    manifest: Parameters<Parameters<Manifest['round']>[3]>[0],
    one: ToldDirectory,
    key: string,
  ) => {
    const place = `${one.source}/${key}`
    told.delete(place)
    if (manifest.told(one.source, key, one.facts)) return
    told.set(place, one)
    const [oldest] = told.keys()
    if (told.size > MOST_TOLD && oldest !== undefined) told.delete(oldest)
  }

  const placeAll = (now: Awake, { files, directories, sessions }: RoundJob, outcomes: Outcome[]) => {
    const toSync = new Set<string>()
    const { manifest, tree } = now
    const done = manifest.round(
      (position) => versionPrefix(new Date(), position),
      files.filter(({ fd }) => fd !== null),
      new Map(sessions),
      (changes, version) => {
        const placing = openPlacing(
          {
            tree,
            fileSystem: now.fileSystem,
            versions: layout.versions,
            temporary() {
              names += 1
              return `${mine}/renew-${names}`
            },
            sourceById: manifest.sourceById,
            announce() {
              if (now.isLogged) syncLog()
            },
            beat,
          },
          changes,
          version,
        )
        for (const file of files) {
          try {
            outcomes.push(placing.place(file))
          } catch (thrown) {
            outcomes.push(outcomeOf(thrown))
          }
        }
        for (const one of [...told.values(), ...directories])
          tell(changes, one, keyOf(one.path, now.fileSystem))
        for (const directory of placing.toSync) toSync.add(directory)
      },
    )
    return { ...done, toSync }
  }

  const closeAll = (files: readonly ToPlace[], outcomes: readonly Outcome[]) => {
    files.forEach(({ fd, file }, index) => {
      if (fd !== null) closeQuietly(fd)
      const status = outcomes[index]?.status
      if (file !== null && status !== 'durable' && status !== 'same') rmSync(file, { force: true })
    })
  }

  const round = async (job: RoundJob): Promise<RoundResult> => {
    const outcomes: Outcome[] = []
    const { files, sync } = job
    try {
      const now = wake()
      const { isLogged, manifest, tree } = now
      const open = manifest.openRound()
      if (open !== null) recoverRound(open, { layout, tree, manifest, fileSystem: now.fileSystem })
      countTime(manifest)
      if (sync === 'each') await syncAll(files.flatMap(({ fd }) => fd ?? []))
      const { position, totals, toSync } = placeAll(now, job, outcomes)
      if (sync === 'whole' && isLogged) {
        const failure = syncWhole(now.root)
        if (failure !== null) throw Object.assign(new Error(`${failure}: syncfs`), { code: failure })
      } else {
        await syncEach(now, toSync)
        if (isLogged) syncLog()
      }
      tree.forget()
      beat()
      return { outcomes, unsynced: null, position, totals: [...totals] }
    } catch (thrown) {
      // Of what was done nothing is promised.
      const unsynced = outcomeOf(thrown)
      outcomes.splice(0, outcomes.length, ...files.map(() => unsynced))
      return { outcomes, unsynced, position: 0, totals: [] }
    } finally {
      closeAll(files, outcomes)
      awake?.tree.forget()
    }
  }

  /** Removes what processes that are gone have left on their way. */
  const clean = (): void => {
    for (const name of readdirSync(layout.temporary)) {
      const pid = Number(/^(\d+)-/.exec(name)?.[1])
      // A directory with this process's own number, but another name, is an earlier process's.
      const isLeft = Number.isNaN(pid) || pid === process.pid || !isRunning(pid)
      if (path.join(layout.temporary, name) !== mine && isLeft)
        rmSync(path.join(layout.temporary, name), { recursive: true, force: true })
    }
  }

  const look = (): Opened => {
    try {
      const { opened } = wake()
      clean()
      return opened
    } catch (thrown) {
      if (thrown instanceof Problem) throw thrown
      return lookOnly()
    }
  }

  /** A store that is read-only still knows its senders, and tells them so. */
  const lookOnly = (): Opened => {
    const opened = { directory: mine, hasUnnamed: false, syncsWhole: false, aside: null }
    try {
      const database = readManifestFile(layout.manifest)
      if (database === null) return { ...opened, epoch: null, totals: [] }
      const rows = openRows(database)
      const totals = rows.totals().map(({ folder, ...one }): [string, SenderTotals] => [folder, one])
      const { epoch } = rows
      database.close()
      return { ...opened, epoch, totals }
    } catch {
      return { ...opened, epoch: null, totals: [] }
    }
  }

  return {
    async run<Job extends CommitJob>(job: Job): Promise<CommitResults[Job['kind']]> {
      const done = await (async (): Promise<unknown> => {
        switch (job.kind) {
          case 'wake':
            wake()
            return null
          case 'look':
            return look()
          case 'round':
            return round(job)
          case 'source':
            return { id: wake().manifest.sourceOf(job.folder, job.directory) }
          case 'wanted': {
            const { manifest } = wake()
            const found = manifest.wanted(job.folder, job.after, job.limit)
            return {
              files: found.flatMap(({ source, key }) => {
                const directory = manifest.sourceById(source)?.directory
                const row = manifest.find(source, key, '')
                const file = row !== null && 'path' in row ? row.path : key
                return directory === undefined ? [] : [{ directory, path: file }]
              }),
            }
          }
          case 'wantSince':
            wake().manifest.wantSince(job.folder, job.position)
            return null
          case 'pin': {
            const { manifest } = wake()
            const isThere = manifest.pin(job.place.source, keyOf(job.place.path, tried()))
            if (isThere && wake().isLogged) syncLog()
            return { isThere }
          }
          case 'prune': {
            const { manifest, tree } = wake()
            countTime(manifest)
            return pruneSome(job, { layout, tree, manifest, beat })
          }
          case 'rest':
            rest()
            return null
          default:
            return job satisfies never
        }
      })()
      return done as CommitResults[Job['kind']]
    },
    close(): void {
      rest()
      rmSync(mine, { recursive: true, force: true })
    },
  }
}

function closeQuietly(fd: number): void {
  try {
    closeSync(fd)
  } catch {
    // Closed all the same (close(2)).
  }
}
