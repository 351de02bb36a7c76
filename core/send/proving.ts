import { randomBytes, randomInt } from 'node:crypto'
import path from 'node:path'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { NONCE_BYTES, type OutgoingSource, type Proof, type Session } from '../backends/destination.ts'
import { NotReadable } from '../backends/errors.ts'
import { type Library, readAll } from '../backends/library.ts'
import type { Bucket } from '../backends/token-bucket.ts'
import { deferAsync } from '../defer.ts'
import { ignoreError } from '../dropped-errors.ts'
import type { DamageKind } from '../ledger/events.ts'
import { attempt, type Ledger, type Removable, type RowPlace } from '../ledger/ledger.ts'
import { getMountPresence, isBelowAway } from '../ledger/mount-presence.ts'
import {
  addLogMisses,
  computeLogMiss,
  drawRanks,
  getDay,
  mayProve,
  type ProofLimits,
  type ProofPace,
  SAMPLE_DAYS,
  startDay,
  toConfidence,
  withAdded,
} from '../ledger/proof-figures.ts'
import { noProofs } from '../ledger/proofs.ts'
import { createHasher, digestText } from '../platform/digest.ts'
import { chunkBuffers } from '../protocol/frame-buffers.ts'
import type { Destination, ReceiverDestination } from '../settings/destination-schema.ts'
import { openReading } from './reading/read.ts'
import type { ProofFigures, ProofRound } from './sender-messages.ts'

// Proves random samples of the files that a destination should have, so that a number says how small a damage would have
// been seen. A round draws different files among all sent ones, each with the same probability, and has each read from
// the destination's disk. An automatic round runs every day while nothing is sent, within the limits of the destination.

/** Interval between two checks if a round is due. */
const CHECK_EVERY_MS = 60_000
/** Range of the delay after a start and after midnight: many computers do not read together at one receiver. */
const DELAY_MS = [60_000, 1_800_000] as const
/** An automatic round waits this long for a pause in sending before each file. */
const LONGEST_WAIT_MS = 60_000
const WAIT_MS = 500
/** Time after which the figures are computed again. */
const FIGURES_MS = 600_000
/** Places in the order of the sent files are kept at this interval: a rank is found from the place before it. */
const PLACE_EVERY = 10_000
/** A round stops after this many files in succession for which the destination had no answer. */
const MOST_UNANSWERED = 5
/** Limit of the damaged files that a round names. The log of events names all. */
const MOST_FOUND = 100
const NOTHING = new Uint8Array(0)

type Found = 'intact' | DamageKind
/** The result for one file; unavailable: there was no answer; moved: its record has changed meanwhile. */
type Proven = Found | 'unavailable' | 'moved'

type ProvingLedger = Pick<
  Ledger,
  | 'countSentBehind'
  | 'countSentSince'
  | 'sentAtRank'
  | 'sampleAt'
  | 'proofPace'
  | 'proofsSince'
  | 'recordProofs'
  | 'setProofPace'
  | 'getSeal'
  | 'isDamaged'
  | 'isReplaced'
  | 'offerDamaged'
  | 'home'
  | 'mountsInside'
>

interface ProvingHost {
  destination: Destination
  ledger: ProvingLedger
  bucket: Bucket
  /** Returns null while nothing may be sent. */
  session(): Session | null
  /** Sources whose files may be proven. */
  sources(): readonly OutgoingSource[]
  /** True while files are being sent. */
  isSending(): boolean
  /** Opens a receiver for reading, by another connection. */
  openLibrary(receiver: ReceiverDestination, signal: AbortSignal): Promise<Library>
  onChange(): void
  log(level: 'info' | 'warn', text: string): void
}

/** A place in the order of the sent files of a source, and the rank of the file behind it in the archive. */
interface KnownPlace {
  source: string
  after: RowPlace | undefined
  rank: number
}

interface DrawnFile {
  source: string
  /** The row's id. */
  id: number
}

interface Run {
  round: ProofRound
  limits: ProofLimits
  /** False: a person asked for the round. */
  isAutomatic: boolean
  readBack: ReadBack
  /** Number of the sent files. */
  count: number
  /** Drawn files so far. */
  tried: number
  /** When the files were drawn: the round counts for this day, even if it goes on after midnight. */
  drawnAt: number
  /** The logarithm of the day's samples before this round. */
  before: number
}

/** The connection for reading back, opened by the first file that needs it. */
interface ReadBack {
  library: Library | null
  /** By source id. */
  folders: Map<string, string>
}

export class Proving {
  readonly #host: ProvingHost
  readonly #ended = new AbortController()
  readonly #timer: NodeJS.Timeout
  #limits: ProofLimits = { files: 0, bytes: 0 }
  #day = getDay(Date.now())
  #notBefore = performance.now() + randomInt(...DELAY_MS)
  #round: ProofRound | null = null
  #running: ProofRound | null = null
  /**
   * The figures of this day; null: a round has ended, or has found damage. Other samples, and new files, are seen later,
   * because the figures cost a count of all sent files.
   */
  #figures: { day: number; until: number; value: ProofFigures | null } | null = null

  constructor(host: ProvingHost) {
    this.#host = host
    this.#timer = setInterval(() => this.#startIfDue(), CHECK_EVERY_MS).unref()
  }

  configure(limits: ProofLimits): void {
    this.#limits = limits
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#ended.abort()
  }

  /** Starts a round that a person asked for, with the limits of a whole day; or adopts the one that runs. */
  start(limits: ProofLimits): void {
    if (this.#running === null) void this.#run(limits, null)
    else this.#round = this.#running
  }

  /** The running or last round that a person asked for; null: none since the start. */
  get round(): ProofRound | null {
    return this.#round
  }

  /** The samples of the last SAMPLE_DAYS; null: there were none. */
  get figures(): ProofFigures | null {
    const now = Date.now()
    const day = getDay(now)
    if (this.#figures?.day === day && performance.now() < this.#figures.until) return this.#figures.value
    const { ledger, destination, log } = this.#host
    const since = getDay(now, SAMPLE_DAYS - 1)
    const sum = attempt(
      () => ledger.proofsSince(destination.id, 'sample', since),
      null,
      (error) => log('warn', `samples of ${destination.name}: ${String(error)}`),
    )
    const value =
      sum === null
        ? null
        : {
            ...{ files: sum.files, bytes: sum.bytes, at: sum.at },
            damaged: sum.damaged + sum.missing + sum.unreadable,
            confidence: toConfidence(sum.logMiss),
          }
    this.#figures = { day, until: performance.now() + FIGURES_MS, value }
    return value
  }

  /** Starts the round of the day if it is due. */
  #startIfDue(): void {
    const { ledger, destination, session, log } = this.#host
    const day = getDay(Date.now())
    if (day !== this.#day) this.#notBefore = performance.now() + randomInt(...DELAY_MS)
    this.#day = day
    if (this.#running !== null || session() === null || performance.now() < this.#notBefore) return
    try {
      const pace = startDay(ledger.proofPace(destination.id), day, this.#limits)
      if (mayProve(pace, this.#limits)) void this.#run(this.#limits, pace)
    } catch (error) {
      log('warn', `samples of ${destination.name}: ${String(error)}`)
    }
  }

  /** @param pace of the day; null: a person asked for the round. */
  async #run(limits: ProofLimits, pace: ProofPace | null): Promise<void> {
    const round: ProofRound = {
      ...{ isRunning: true, at: Date.now(), files: 0, bytes: 0 },
      ...{ damaged: 0, missing: 0, unreadable: 0, unanswered: 0, found: [] },
    }
    this.#running = round
    if (pace === null) this.#round = round
    this.#host.onChange()
    const readBack: ReadBack = { library: null, folders: new Map() }
    try {
      const drawnAt = Date.now()
      const { drawn, count } = await this.#draw(limits.files)
      const { ledger, destination } = this.#host
      const { logMiss: before } = ledger.proofsSince(destination.id, 'sample', getDay(drawnAt)) ?? noProofs()
      const run: Run = {
        ...{ round, limits, isAutomatic: pace !== null, readBack, count, tried: 0 },
        ...{ drawnAt, before },
      }
      await this.#proveDrawn(drawn, run, pace ?? startDay(null, getDay(Date.now()), limits))
    } catch (error) {
      if (!this.#ended.signal.aborted)
        this.#host.log('warn', `samples of ${this.#host.destination.name}: ${String(error)}`)
    } finally {
      readBack.library?.close()
      this.#running = null
      this.#figures = null
      round.isRunning = false
      round.at = Date.now()
      this.#host.onChange()
    }
  }

  /** Proves the drawn files until a limit is reached, or sending stops. */
  async #proveDrawn(drawn: readonly DrawnFile[], run: Run, before: ProofPace): Promise<void> {
    const { ledger, destination, session } = this.#host
    const { round, limits, isAutomatic } = run
    let pace = before
    let unanswered = 0
    for (const file of drawn) {
      if (!mayProve(pace, limits) || unanswered >= MOST_UNANSWERED) return
      if (isAutomatic) await this.#waitForPause()
      const open = session()
      if (open === null || this.#ended.signal.aborted) return
      run.tried += 1
      const row = ledger.sampleAt(file.source, file.id)
      const source = this.#host.sources().find(({ id }) => id === file.source)
      // Each drawn file counts before it is read, whatever becomes of it: a read that fails must not be repeated all day.
      pace = { ...pace, files: pace.files + 1, bytes: pace.bytes + (row?.size ?? 0) }
      if (isAutomatic) ledger.setProofPace(destination.id, pace)
      // A file that is known to be damaged waits for its content.
      if (row === null || source === undefined || ledger.isDamaged(destination.id, row)) continue
      const found = await this.#prove(open, source, row, run.readBack)
      if (found === 'unavailable') {
        if (session() === null) return
        unanswered += 1
        round.unanswered += 1
      } else if (found !== 'moved') {
        unanswered = 0
        this.#record(source, row, found, run)
        await turn()
      }
    }
    if (isAutomatic) this.#endAutomatic(drawn.length, run, pace)
  }

  /** Ends a round of the day in which all drawn files were tried. */
  #endAutomatic(drawn: number, { round, count }: Run, pace: ProofPace): void {
    const { ledger, destination, log } = this.#host
    if (drawn > 0 && round.files === 0)
      log('warn', `samples of ${destination.name}: none of ${drawn} files could be proven`)
    if (count > 0 && drawn >= count) ledger.setProofPace(destination.id, { ...pace, isDone: true })
  }

  /** Waits for a while until nothing is being sent. */
  async #waitForPause(): Promise<void> {
    const end = performance.now() + LONGEST_WAIT_MS
    while (this.#host.isSending() && performance.now() < end)
      await delay(WAIT_MS, undefined, { ref: false, signal: this.#ended.signal })
  }

  /** Counts a file that was proven, or found to be damaged. */
  #record(source: OutgoingSource, { path: file, size }: Removable, found: Found, run: Run): void {
    const { ledger, destination, onChange, log } = this.#host
    const { round, count, tried } = run
    round.files += 1
    round.bytes += size
    // Files without a known content were drawn, too; all files that can be proven are a part of the drawn ones.
    const population = Math.max(round.files, Math.round((count * round.files) / tried))
    const logMiss = computeLogMiss(round.files, population)
    // Files that came after the draw were not among the drawn ones.
    const added = ledger.countSentSince(destination.id, run.drawnAt)
    const sum = {
      ...noProofs(),
      ...{ files: 1, bytes: size, logMiss: withAdded(addLogMisses(run.before, logMiss), count, added) },
    }
    if (found !== 'intact') {
      sum[found] = 1
      round[found] += 1
      if (round.found.length < MOST_FOUND)
        round.found.push({ path: `${source.name}/${file}`, finding: found })
      log('warn', `${path.join(source.path, file)} is ${found} at ${destination.name}`)
    }
    ledger.recordProofs(destination.id, 'sample', Date.now(), sum, getDay(run.drawnAt))
    if (found !== 'intact') this.#figures = null
    onChange()
  }

  /**
   * Draws different files among all sent ones, before the first one is proven: a file that is damaged leaves the order of
   * the sent files. Their ranks are found from places in this order, which are noted while it is counted.
   */
  async #draw(most: number): Promise<{ drawn: DrawnFile[]; count: number }> {
    const { ledger, destination } = this.#host
    const { places, count } = await this.#findPlaces()
    const drawn: DrawnFile[] = []
    for (const rank of drawRanks(count, (below) => randomInt(below))) {
      if (drawn.length >= most) break
      const known = places.findLast((place) => place.rank <= rank)
      if (known === undefined) continue
      const found = ledger.sentAtRank(destination.id, known.source, known.after, rank - known.rank)
      if (found !== null) drawn.push({ source: known.source, id: found.id })
      await turn()
    }
    return { drawn, count }
  }

  async #findPlaces(): Promise<{ places: KnownPlace[]; count: number }> {
    const { ledger, destination, sources } = this.#host
    const places: KnownPlace[] = []
    let count = 0
    for (const { id: source } of sources()) {
      for (let after: RowPlace | undefined; ; ) {
        const files = ledger.countSentBehind(destination.id, source, after, PLACE_EVERY)
        if (files > 0) places.push({ source, after, rank: count })
        count += files
        if (files < PLACE_EVERY) break
        after = ledger.sentAtRank(destination.id, source, after, PLACE_EVERY - 1) ?? after
        await turn()
      }
    }
    return { places, count }
  }

  /** Proves one file, and records a damage, which is then sent again or healed. */
  async #prove(
    session: Session,
    source: OutgoingSource,
    row: Removable,
    readBack: ReadBack,
  ): Promise<Proven> {
    const { ledger, destination } = this.#host
    const found = await this.#read(session, source, row, readBack)
    if (found === 'intact' || found === 'unavailable') return found
    const now = ledger.sampleAt(row.source, row.id)
    const isSame = now !== null && now.generation === row.generation && now.dueAt === row.dueAt
    if (!isSame || found === 'moved') return 'moved'
    const { path: file, size, digest, dueAt: sentAt } = row
    // Its path belongs to another file by now, at the source and therefore at the destination.
    if (
      found !== 'damaged' &&
      ledger.isReplaced(destination.id, row.source, { path: file, size, digest, sentAt })
    )
      return 'moved'
    const sent = { path: file, size, digest: digestText(digest) }
    const finding = { source: row.source, finding: found, at: Date.now(), ...sent }
    // A verification that runs at the same time may have found it, and counts it.
    return ledger.offerDamaged(destination.id, finding) ? found : 'moved'
  }

  /**
   * Has one file read from the destination's disk. A receiver proves that it has the content of the file here. All else
   * is read back, and compared with what was recorded when the file was sent.
   */
  async #read(session: Session, source: OutgoingSource, row: Removable, readBack: ReadBack): Promise<Proven> {
    const { ledger, destination } = this.#host
    if (destination.kind === 'receiver') {
      const proof = await this.#proveWithNonce(session, source, row)
      // A receiver that cannot prove a file may be wrong about the reason.
      return proof ?? this.#readBack(destination, row, readBack)
    }
    const seal = ledger.getSeal(row.id)
    // An early version recorded no seal of an encrypted file.
    if (destination.recipient !== null && seal === null) return 'moved'
    const proof = await session.prove(source, row.path, row.size, NOTHING, seal, true)
    return judgeProof(proof, row.digest)
  }

  /** Returns null if the file here no longer has the sent content, or the receiver has not proven it. */
  async #proveWithNonce(session: Session, source: OutgoingSource, row: Removable): Promise<Proven | null> {
    const { ledger } = this.#host
    if (getMountPresence(ledger.home(source.id)) === 'away') return null
    if (isBelowAway(row.path, ledger.mountsInside(source.id))) return null
    const nonce = randomBytes(NONCE_BYTES)
    const digest = await hashLocal(source, row, nonce, () => !session.closed && !this.#ended.signal.aborted)
    if (digest === null) return null
    const proof = await session.prove(source, row.path, row.size, nonce, null, true)
    if (proof.kind === 'unavailable' && session.closed) return 'unavailable'
    return proof.kind === 'digest' && digest.equals(proof.digest) ? 'intact' : null
  }

  async #readBack(receiver: ReceiverDestination, row: Removable, readBack: ReadBack): Promise<Proven> {
    const lease = this.#host.bucket.open()
    try {
      if (readBack.library === null) {
        readBack.library = await this.#host.openLibrary(receiver, this.#ended.signal)
        const folders = await readBack.library.folders()
        readBack.folders = new Map(
          folders.flatMap(({ name, source }) => (source === null ? [] : [[source, name] as const])),
        )
      }
      const folder = readBack.folders.get(row.source) ?? row.source
      const facts = { size: row.size, mtimeNs: 0n, mode: 0, user: 0, group: 0, more: null }
      const content = { folder, path: row.path, version: '', facts, digest: row.digest, storedAt: 0 }
      const incoming = await readBack.library.open(content)
      const read = await readAll(incoming, async (piece) => void (await lease.take(piece.length)))
      const isIntact = read.size === row.size && read.digest.equals(row.digest)
      return isIntact ? 'intact' : 'damaged'
    } catch (error) {
      if (error instanceof NotReadable) {
        if (error.message === 'ENOENT') return 'missing'
        return 'unreadable'
      }
      this.#host.log('info', `a sample of ${receiver.name} cannot be read back: ${String(error)}`)
      readBack.library?.close()
      readBack.library = null
      return 'unavailable'
    } finally {
      lease.close()
    }
  }
}

/** Returns the digest of a nonce and the file here; null: it is not the sent file, or cannot be read. */
async function hashLocal(
  source: OutgoingSource,
  row: Removable,
  nonce: Uint8Array,
  mayGoOn: () => boolean,
): Promise<Buffer | null> {
  const unreadable = ignoreError('a file that cannot be read here is read back from the destination', null)
  const reading = await openReading({ root: source.path, path: row.path }, row)
  if ('kind' in reading) return null
  const hasher = createHasher()
  hasher.update(nonce)
  const read = async (): Promise<Buffer | null> => {
    for (let bytes = await reading.next(); bytes !== null; bytes = await reading.next()) {
      hasher.update(bytes)
      chunkBuffers.give(bytes)
      if (!mayGoOn()) return null
    }
    const content = await reading.finish()
    return 'kind' in content || !content.digest.equals(row.digest) ? null : hasher.digest()
  }
  await using _ = deferAsync(() => reading.close())
  return await read().catch(unreadable)
}

/** @param digest of the content that was sent. */
function judgeProof(proof: Proof, digest: Uint8Array): Proven {
  switch (proof.kind) {
    case 'sealed':
      return 'intact'
    case 'digest':
      return Buffer.compare(proof.digest, digest) === 0 ? 'intact' : 'damaged'
    case 'differs':
      return 'damaged'
    case 'absent':
      return 'missing'
    // Neither proven nor damaged.
    case 'cold':
      return 'moved'
    case 'unreadable':
    case 'unavailable':
      return proof.kind
  }
}
