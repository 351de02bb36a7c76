import path from 'node:path'
import type { OutgoingSource, Session } from '../backends/destination.ts'
import { dropError } from '../dropped-errors.ts'
import type { Ledger, TransferResult } from '../ledger/ledger.ts'
import type { LostFacts } from '../ledger/lost-facts.ts'
import { getMountPresence, isBelowAway } from '../ledger/mount-presence.ts'
import type { SentFile } from '../ledger/pages.ts'
import { Rerun } from '../lib/async/rerun.ts'
import { createSemaphore, withPermit } from '../lib/async/semaphore.ts'
import { type Message, message } from '../lib/i18n/message.ts'
import { englishWords } from '../lib/i18n/words.ts'
import { lstatExactOrNull } from '../platform/files.ts'

// Sets the times, modes and digests again that a verification found lost at a destination. Only the sender writes there:
// it holds the path meanwhile, so that no other content gets the name while a store copies the file onto itself.

const LOOK_EVERY_MS = 5_000
/** Pause after a file was refused, or the ledger failed. */
const PAUSE_MS = 10 * 60_000
const AT_ONCE = 16
const NOTHING = new Uint8Array(0)

interface LostFactsHost {
  destination: { id: string; name: string }
  ledger: Pick<Ledger, 'lostFacts' | 'endLostFacts' | 'sentFile' | 'home' | 'mountsInside'>
  /** Returns null while nothing may be sent. */
  session(): Session | null
  /** Returns null for a source whose files may not be sent now. */
  findSource(id: string): OutgoingSource | null
  /** Keeps a path from being sent until the returned function is called; null: it is being sent. */
  hold(file: Pick<LostFacts, 'source' | 'path'>): (() => void) | null
  onNotice(sentence: Message): void
  log(level: 'warn', text: string): void
}

/** Sets lost facts again while files may be sent. */
export function openLostFacts({ destination, ledger, hold, ...host }: LostFactsHost) {
  const turns = createSemaphore(AT_ONCE)
  let over = false
  let notBefore = 0
  let isToldOf = false

  /** Returns false if the destination takes nothing now. */
  const refused = (result: Exclude<TransferResult, { kind: 'stored' }>): boolean => {
    if (result.kind === 'lost') return false
    notBefore = performance.now() + PAUSE_MS
    if (result.reason !== null) {
      host.log('warn', `lost times and permissions stay: ${englishWords(result.reason)}`)
      const reason = String(result.reason.params.reason ?? '')
      if (!isToldOf)
        host.onNotice(message('transfer.objects.factsNotSet', { name: destination.name, reason }))
      isToldOf = true
    }
    return result.kind === 'rejected' || result.cause !== 'destination'
  }

  /** Sets the facts of one file; returns false if no other file can get its own now. */
  const renew = async (file: LostFacts): Promise<boolean> => {
    const source = host.findSource(file.source)
    if (source === null || isAway(ledger, file)) return true
    const stats = await lstatExactOrNull(path.join(source.path, file.path)).catch((error) =>
      dropError(error, 'the file keeps the mode that its destination has', null),
    )
    const session = host.session()
    if (session === null || over) return false
    const release = hold(file)
    if (release === null) return true
    try {
      const sent = ledger.sentFile(destination.id, file.source, file.path)
      const result = sent?.sentNs == null ? null : await setFacts(session, source, file, { ...sent, stats })
      // null: the destination has another content by now, or the facts were set.
      if (result !== null && result.kind !== 'stored') return refused(result)
      ledger.endLostFacts(destination.id, file)
      return true
    } finally {
      release()
    }
  }

  const renewAll = async (): Promise<void> => {
    for (let after: LostFacts | null = null; ; ) {
      if (over || host.session() === null || performance.now() < notBefore) return
      const page: LostFacts[] = ledger.lostFacts(destination.id, after)
      let mayGoOn = true
      const inTurn = async (file: LostFacts) => {
        if (mayGoOn && !(await renew(file))) mayGoOn = false
      }
      await Promise.all(page.map((file) => withPermit(turns, () => inTurn(file))))
      after = page.at(-1) ?? null
      if (after === null || !mayGoOn) return
    }
  }

  const run = new Rerun(renewAll, (error) => {
    notBefore = performance.now() + PAUSE_MS
    host.log('warn', `lost times and permissions at ${destination.name}: ${String(error)}`)
  })
  const timer = setInterval(() => void run.request(), LOOK_EVERY_MS).unref()
  return {
    /** Signals that files may have been found; resolves after a pass through them. */
    look: () => run.request(),
    stop() {
      over = true
      clearInterval(timer)
      run.stop()
    },
  }
}

function isAway({ home, mountsInside }: LostFactsHost['ledger'], { source, path: file }: LostFacts): boolean {
  return getMountPresence(home(source)) === 'away' || isBelowAway(file, mountsInside(source))
}

/** @param stats of the file here; null: it is gone. A file that has changed since is no witness of the mode. */
function setFacts(
  session: Session,
  source: OutgoingSource,
  lost: LostFacts,
  { size, sentNs, digest, stats }: SentFile & { stats: Awaited<ReturnType<typeof lstatExactOrNull>> },
): Promise<TransferResult | null> {
  const mtimeNs = BigInt(sentNs ?? 0)
  const isSame = stats?.isFile() === true && stats.size === BigInt(size) && stats.mtimeNs === mtimeNs
  const mode = isSame ? Number(stats.mode & 0o7777n) : lost.mode
  const file = {
    source,
    path: lost.path,
    facts: { size, mtimeNs, mode, user: 0, group: 0, more: null },
  }
  const from = { source, path: lost.path, isMoved: false, isTrusted: true, storedNs: BigInt(lost.mtimeNs) }
  return session.copy(file, [], digest ?? NOTHING, from)
}
