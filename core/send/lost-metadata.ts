import path from 'node:path'
import type { OutgoingSource, Session } from '../backends/destination.ts'
import { defer } from '../defer.ts'
import { dropError } from '../dropped-errors.ts'
import type { Ledger, TransferResult } from '../ledger/ledger.ts'
import type { LostMetadata } from '../ledger/lost-metadata.ts'
import { getMountPresence } from '../ledger/mount-presence.ts'
import { createSemaphore, withPermit } from '../lib/async/semaphore.ts'
import { type Message, message } from '../lib/i18n/message.ts'
import { englishWords } from '../lib/i18n/words.ts'
import { lstatExactOrNull } from '../platform/files.ts'
import { isWithin, readMounts } from '../platform/mounts.ts'

// Sets the times, modes and digests again that a verification found lost at a destination. Only the sender's process
// writes there: it holds the path meanwhile, so that no other content gets the name while a store copies the file onto
// itself.

const LOOK_EVERY_MS = 5_000
/** Pause of a source after one of its files was refused, or the ledger failed. */
const PAUSE_MS = 10 * 60_000
/** So many files are read at a time. If each of them is refused, the pass through their source ends. */
const ROWS = 100
const AT_ONCE = 16
const NOTHING = new Uint8Array(0)

interface LostMetadataHost {
  destination: { id: string; name: string }
  ledger: Pick<Ledger, 'lostMetadata' | 'endLostMetadata' | 'sentFile' | 'home' | 'mountsInside'>
  /** Returns null while nothing may be sent. */
  session(): Session | null
  /** Returns the sources whose files may be sent now. */
  sources(): readonly OutgoingSource[]
  /** Keeps a path from being sent until the returned function is called; null: it is being sent. */
  hold(file: Pick<LostMetadata, 'source' | 'path'>): (() => void) | null
  onNotice(sentence: Message): void
  log(level: 'warn', text: string): void
}

type Stats = Awaited<ReturnType<typeof lstatExactOrNull>>

/** The end of an attempt. `left`: the file is being sent, or nothing may be sent now. */
type End = 'set' | 'left' | { refused: Message | null }

/** Sets lost metadata again while files may be sent. */
export function openLostMetadata({ destination, ledger, hold, ...host }: LostMetadataHost) {
  const turns = createSemaphore(AT_ONCE)
  /** The pass through each source that runs. A disk that hangs keeps its own for as long. */
  const running = new Map<string, Promise<void>>()
  /** By source: when its next pass may begin, and behind which path, as the last one ended early. */
  const resting = new Map<string, { until: number; after: string }>()
  let over = false
  let isTold = false

  /** Reports refused files, and to a person only the first time. */
  const report = (files: number, sentence: Message): void => {
    host.log('warn', `${files} files keep no times and permissions: ${englishWords(sentence)}`)
    const reason = String(sentence.params.reason ?? '')
    if (!isTold) host.onNotice(message('transfer.objects.factsNotSet', { name: destination.name, reason }))
    isTold = true
  }

  const renew = async (source: OutgoingSource, file: LostMetadata, stats: Stats): Promise<End> => {
    const session = host.session()
    const release = session === null || over ? null : hold(file)
    if (session === null || release === null) return 'left'
    using _ = defer(release)
    const sent = ledger.sentFile(destination.id, file.source, file.path)
    const result = sent?.sentNs == null ? null : await setFacts(session, source, file, { ...sent, stats })
    if (result?.kind === 'lost') return 'left'
    if (result !== null && result.kind !== 'stored') return { refused: result.reason }
    // null: the destination has another content by now, or the facts were set.
    ledger.endLostMetadata(destination.id, file)
    return 'set'
  }

  /** Goes through the files of a source; returns the path at which it ended early, or '', and if one was refused. */
  const passThrough = async (source: OutgoingSource, from: string) => {
    let isRefused = false
    for (let after = from; ; ) {
      if (over || host.session() === null) return { after, isRefused }
      const page = ledger.lostMetadata(destination.id, source.id, after, ROWS)
      const last = page.at(-1)
      if (last === undefined) return { after: '', isRefused }
      const isAway = findAway(ledger, source)
      if (isAway === null) return { after, isRefused }
      const files = page.filter((file) => !isAway(file.path))
      const found: [LostMetadata, Stats][] = []
      // In sequence: the disk may hang, and each call holds a thread of the pool until it returns.
      for (const file of files) found.push([file, await readStats(source, file)])
      const ends = await Promise.all(
        found.map(([file, stats]) => withPermit(turns, () => renew(source, file, stats))),
      )
      const refusals = ends.filter((end) => typeof end === 'object')
      const reason = refusals.find(({ refused }) => refused !== null)?.refused
      if (reason != null) report(refusals.length, reason)
      isRefused ||= refusals.length > 0
      after = last.path
      if (refusals.length > 0 && refusals.length === ends.length) return { after, isRefused }
      // A page of which no file is tried gives way to others, too.
      await new Promise(setImmediate)
    }
  }

  const pass = async (source: OutgoingSource): Promise<void> => {
    try {
      const { after, isRefused } = await passThrough(source, resting.get(source.id)?.after ?? '')
      resting.set(source.id, { until: performance.now() + (isRefused ? PAUSE_MS : 0), after })
    } catch (error) {
      resting.set(source.id, { until: performance.now() + PAUSE_MS, after: '' })
      host.log('warn', `lost times and permissions at ${destination.name}: ${String(error)}`)
    } finally {
      running.delete(source.id)
    }
  }

  /** Begins a pass through each source that may have files; resolves after all that run have ended. */
  const look = async (): Promise<void> => {
    if (over || host.session() === null) return
    for (const source of host.sources())
      if (!running.has(source.id) && performance.now() >= (resting.get(source.id)?.until ?? 0))
        running.set(source.id, pass(source))
    await Promise.all(running.values())
  }

  const timer = setInterval(() => void look(), LOOK_EVERY_MS).unref()
  return {
    look,
    stop() {
      over = true
      clearInterval(timer)
    },
  }
}

const readStats = (source: OutgoingSource, file: LostMetadata): Promise<Stats> =>
  lstatExactOrNull(path.join(source.path, file.path)).catch((error) =>
    dropError(error, 'the file keeps the mode that its destination has', null),
  )

/** Returns what shows whether a file of a source, by its path, is on a disk that is not mounted now; null: all are. */
function findAway({ home, mountsInside }: LostMetadataHost['ledger'], { id }: OutgoingSource) {
  const mounts = readMounts()
  if (getMountPresence(home(id), mounts) === 'away') return null
  const isMounted = (at: string) => mounts === null || mounts.some(({ point }) => point === at)
  const away = mountsInside(id).filter(({ point }) => !isMounted(point))
  return (file: string) => away.some((mount) => isWithin(file, mount.path))
}

/** @param stats of the file here; null: it is gone. A file that has changed since is no witness of the mode. */
function setFacts(
  session: Session,
  source: OutgoingSource,
  lost: LostMetadata,
  { size, sentNs, digest, stats }: NonNullable<ReturnType<Ledger['sentFile']>> & { stats: Stats },
): Promise<TransferResult | null> {
  const mtimeNs = BigInt(sentNs ?? 0)
  const isSame = stats?.isFile() === true && stats.size === BigInt(size) && stats.mtimeNs === mtimeNs
  const mode = isSame ? Number(stats.mode & 0o7777n) : lost.mode
  const file = {
    source,
    path: lost.path,
    facts: { size, mtimeNs, mode, user: 0, group: 0, more: null },
  }
  const from = { source, path: lost.path, isMoved: false, isTrusted: true, lostNs: BigInt(lost.mtimeNs) }
  return session.copy(file, [], digest ?? NOTHING, from)
}
