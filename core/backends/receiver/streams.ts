import type { FrameChannel } from '../../protocol/channel.ts'
import type { DirectoryEntry } from '../../protocol/frames.ts'
import { MAX_DIRECTORIES, MAX_STREAMS, MIB } from '../../protocol/limits.ts'
import { encodeMetadata } from '../../protocol/metadata-codec.ts'
import type { FoundDirectory, Outgoing, OutgoingSource } from '../destination.ts'

// The connections that carry the files of one session. A long line limits a single connection: it has at most one send
// buffer of bytes on its way per round trip, and it halves its rate after each lost packet. When files wait for a long
// line and this process is not busy, the session gets a few data streams; it has more while these make it faster
// (`chooseStreams`).

/** Below this round trip a single connection fills the line. */
const LONG_LINE_MS = 15
/** The streams of a session that waits for a long line. */
const FEW = 4
/** The rate must grow by this factor with more than a few streams; otherwise these are closed again. */
const LEAST_GAIN = 1.1
/**
 * CPU time of this process, per second, above which it limits the rate, and not the line. Then both ends answer late,
 * which makes a short line look long. A process that waits for a long line uses a tenth to a fourth, and one whose
 * receiver is on the same computer more than half.
 */
const BUSY = 0.5
/** Time of the first measurement, which only finds out whether this process is busy. */
const FIRST_MS = 200
/** Time of a measurement, which is at least so many round trips: the rate of a new stream grows during the first ones. */
const MEASURE_MS = 500
const MEASURE_ROUND_TRIPS = 5
/**
 * Delay before further streams are opened again after the receiver refused some, the network broke one off, or they made
 * the session no faster.
 */
const PAUSE_MS = 300_000
/** Further streams are closed after the session had so long enough room on the line. */
const IDLE_MS = 30_000
/** A stream that is closed sends its buffered bytes first. A line that does not take them is noticed earlier (SilentPeer). */
const DRAIN_MS = 600_000

/** Limit of directories whose metadata are remembered; beyond it they are sent again. */
const MAX_CACHED = 20_000
/**
 * Limit of the metadata in the header of a frame, in bytes as estimated. Those of a single file, with the most directories
 * above it that a path can have, are fewer.
 */
const MAX_NEWS_BYTES = 3 * MIB
/** Estimate of an entry in a header, without its name and attributes, in bytes. */
const ENTRY_BYTES = 100
const ATTRIBUTE_BYTES = 10

/** A connection; without `hasRoom` it always has room. */
export type StreamChannel = Pick<FrameChannel, 'send'> &
  Partial<Pick<FrameChannel, 'hasRoom' | 'bufferedBytes'>>

/** A time during which no further streams are opened. */
export class StreamPause {
  #until = 0

  get isOver(): boolean {
    return performance.now() >= this.#until
  }

  begin(): void {
    this.#until = performance.now() + PAUSE_MS
  }
}

/** A frame of consecutive files: how many, and the metadata of directories that go with them. */
export interface FrameNews {
  files: number
  directories: DirectoryEntry[]
}

type AttachedChannel = Pick<FrameChannel, 'send' | 'hasRoom' | 'bufferedBytes' | 'end' | 'destroy'>

/** A connection of a session, and the sources that its receiver got on it. */
export class DataStream<C extends StreamChannel = StreamChannel> {
  readonly channel: C
  readonly #sources = new Map<string, number>()
  /** Files whose frames all go on this stream, and have not ended. */
  #files = 0
  #onUnused: (() => void) | null = null

  constructor(channel: C) {
    this.channel = channel
  }

  /** Returns the number by which the receiver refers to a source on this stream; sends it for a new source. */
  getSourceNumber({ id, name }: OutgoingSource): number {
    const known = this.#sources.get(id)
    if (known !== undefined) return known
    const number = this.#sources.size
    this.#sources.set(id, number)
    this.channel.send('source', { source: number, id, name })
    return number
  }

  beginFile(): void {
    this.#files += 1
  }

  endFile(): void {
    this.#files -= 1
    if (this.#files === 0) this.#onUnused?.()
  }

  /** Calls `onUnused` once no file needs the stream. No other file may begin on it. */
  retire(onUnused: () => void): void {
    this.#onUnused = onUnused
    if (this.#files === 0) onUnused()
  }
}

/** How a session gets further data streams. */
export interface SpreadOptions {
  /** Maximum of streams, including the control connection. */
  most: number
  /** The shortest round trip that was measured so far. */
  roundTripMs: number
  /** Begins when the network breaks off a stream; it outlasts the session. */
  pause: StreamPause
  /** Opens a stream. @throws if the receiver refuses it, or does not answer. */
  attach(onRoom: () => void): Promise<{ channel: AttachedChannel; bytes: number; roundTripMs: number }>
  /** A stream brought this credit. */
  onCredit(bytes: number): void
  log(text: string): void
}

/** The measurements that decide on the number of streams. */
interface StreamMeasurement {
  streams: number
  most: number
  roundTripMs: number
  /** Files waited for credit or for the line. */
  isHeldUp: boolean
  /** CPU time of this process, per second; above 1 with several threads. */
  utilization: number
  /** Bytes a second that the receiver has taken. */
  rate: number
  /** The rate with a few streams, if there are more since, and it was not compared yet. */
  rateBefore: number | null
}

/** Returns how many streams a session should have now. Pure. */
export function chooseStreams(now: StreamMeasurement): number {
  const { streams, most, roundTripMs, isHeldUp, utilization, rate, rateBefore } = now
  if (roundTripMs < LONG_LINE_MS) return 1
  if (!isHeldUp) return streams
  if (rateBefore !== null && rate < rateBefore * LEAST_GAIN) return Math.min(FEW, streams)
  if (utilization > BUSY) return streams
  return Math.min(most, streams < FEW ? FEW : MAX_STREAMS)
}

/** A frame that waits for room. */
interface WaitingFrame {
  /** The stream that it has to go on; null: any. */
  own: DataStream | null
  go(stream: DataStream): void
}

/**
 * The streams of one session: the control connection, and those that were attached. All frames of files wait for room
 * in one queue, whatever number of streams there is.
 */
export class Streams {
  readonly control: DataStream
  readonly #directories: DirectoryCache
  readonly #spread: SpreadOptions | null
  #attached: DataStream<AttachedChannel>[] = []
  readonly #waiting: WaitingFrame[] = []
  /** The last frame that was released from the queue is not written yet. */
  #isReleasing = false
  /** The stream that took the last frame; the next one comes first if several have the same room. */
  #last = 0
  #most = 1
  #roundTripMs = 0
  #isHeldUp = false
  #heldUpAt = 0
  /** Bytes that the receiver has taken since the last measurement. */
  #takenBytes = 0
  /** Bytes that were sent and that the receiver has not taken. */
  #pendingBytes = 0
  /** Bytes that were sent before the last streams were opened: until the receiver has taken them, no rate is measured. */
  #earlierBytes = 0
  /** The number of measurements that do not count. */
  #skipped = 0
  #rateBefore: number | null = null
  /** Begins when the receiver refuses streams, or they make this session no faster. */
  readonly #pause = new StreamPause()
  #isMeasuring = false
  #isClosed = false
  #timer: NodeJS.Timeout | undefined

  /** @param spread left out: there are no further streams. */
  constructor(control: StreamChannel, spread?: SpreadOptions) {
    this.control = new DataStream(control)
    this.#directories = new DirectoryCache(this.control)
    this.#spread = spread ?? null
    if (spread === undefined || spread.most < 2) return
    this.#most = spread.most
    this.#roundTripMs = spread.roundTripMs
  }

  /** The number of connections that carry files. */
  get count(): number {
    return 1 + this.#attached.length
  }

  /** True if frames of one file may overtake each other. */
  get maySpread(): boolean {
    return this.#spread !== null
  }

  /** Resolves with a stream that has room. Waiters are served in order. */
  pick(): Promise<DataStream> {
    return this.#waitForRoom(null)
  }

  /**
   * Resolves with a stream that has room for files in these directories. New metadata of directories go on the control
   * connection only: on several connections older ones could arrive later.
   */
  async pickFor(source: OutgoingSource, directories: readonly FoundDirectory[]): Promise<DataStream> {
    // With one connection all files go on it: further ones may be opened while they wait for room.
    if (this.count > 1 && !this.#directories.hasNews(source, directories)) return this.pick()
    return this.roomOn(this.control)
  }

  /**
   * Divides files among frames for this stream, so that each frame has all directories above its files that are new to
   * the receiver or have changed. Records these as sent.
   * @param files all of one source; at least one.
   */
  divide(
    stream: DataStream,
    files: readonly Outgoing[],
    directories: readonly FoundDirectory[],
  ): FrameNews[] {
    if (stream === this.control) return this.#directories.divide(files, directories)
    return [{ files: files.length, directories: [] }]
  }

  /** Sends directories again with the next file: the receiver has not stored the files of their frame. */
  forget(source: OutgoingSource, { directories }: FrameNews): void {
    this.#directories.forget(source, directories)
  }

  /** Waits for room on a stream that was picked before, and resolves with it. */
  roomOn(own: DataStream): Promise<DataStream> {
    return this.#waitForRoom(own)
  }

  /** Notes that files wait for credit or for the line, or have waited until now. */
  noteHeldUp(): void {
    this.#isHeldUp = true
    this.#heldUpAt = performance.now()
    if (this.#isMeasuring || !this.#mayGrow || this.#isClosed) return
    // Earlier measurements were of other streams, or of another time.
    this.#earlierBytes = 0
    this.#skipped = 0
    this.#rateBefore = null
    this.#measureSoon(FIRST_MS)
    this.#isHeldUp = true
  }

  noteSent(bytes: number): void {
    this.#pendingBytes += bytes
  }

  /** Notes bytes that the receiver has taken. */
  noteTaken(bytes: number): void {
    this.#pendingBytes -= bytes
    this.#takenBytes += bytes
  }

  /** There may be room again on one of the streams: serves the first frame that can go. */
  onRoom(): void {
    if (this.#isReleasing) return
    for (const [index, { own, go }] of this.#waiting.entries()) {
      const free = this.#findFree(own)
      if (free === null) continue
      this.#waiting.splice(index, 1)
      this.noteHeldUp()
      go(free)
      this.#isReleasing = true
      // The released frame is written first; then the remaining room is checked for the next one.
      setImmediate(() => {
        this.#isReleasing = false
        this.onRoom()
      })
      return
    }
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    for (const { channel } of this.#attached.splice(0)) channel.destroy(null)
    this.onRoom()
  }

  get #mayGrow(): boolean {
    return this.#most > 1 && this.#roundTripMs >= LONG_LINE_MS && !this.#isResting
  }

  get #isResting(): boolean {
    return !this.#pause.isOver || this.#spread?.pause.isOver === false
  }

  #waitForRoom(own: DataStream | null): Promise<DataStream> {
    const free = this.#waiting.length === 0 ? this.#findFree(own) : null
    if (free !== null) return Promise.resolve(free)
    this.noteHeldUp()
    return new Promise((go) => {
      this.#waiting.push({ own, go })
      // Those before it may wait for another stream.
      this.onRoom()
    })
  }

  /**
   * Returns a stream that has room: the frame's own, or that with the fewest buffered bytes; null: none has room. All
   * have after the session was closed.
   */
  #findFree(own: DataStream | null): DataStream | null {
    if (own !== null) return this.#isClosed || own.channel.hasRoom !== false ? own : null
    if (this.#isClosed) return this.control
    const all = [this.control, ...this.#attached]
    let best: number | null = null
    const buffered = (index: number) => all[index]?.channel.bufferedBytes ?? 0
    for (let step = 1; step <= all.length; step += 1) {
      const index = (this.#last + step) % all.length
      if (all[index]?.channel.hasRoom === false) continue
      if (best === null || buffered(index) < buffered(best)) best = index
    }
    if (best === null) return null
    this.#last = best
    return all[best] ?? null
  }

  #measureSoon(ms = Math.max(MEASURE_MS, MEASURE_ROUND_TRIPS * this.#roundTripMs)): void {
    this.#isMeasuring = true
    this.#takenBytes = 0
    this.#isHeldUp = false
    const [startedAt, used] = [performance.now(), process.cpuUsage()]
    this.#timer = setTimeout(() => {
      const { user, system } = process.cpuUsage(used)
      const took = performance.now() - startedAt
      void this.#measure(took, (user + system) / 1000 / took)
    }, ms).unref()
  }

  /** Measures the rate, while files wait or there are further streams, and adapts the number of streams. */
  async #measure(ms: number, utilization: number): Promise<void> {
    const rate = (this.#takenBytes / ms) * 1000
    const isDrained = this.#earlierBytes <= 0
    this.#earlierBytes -= this.#takenBytes
    const isIdle = !this.#isHeldUp && performance.now() - this.#heldUpAt >= IDLE_MS
    if (isIdle && this.count > 1) this.#shrink(1)
    else if (isDrained && this.#isHeldUp && this.#skipped > 0) this.#skipped -= 1
    else if (isDrained) await this.#adjust(rate, utilization)
    this.#isMeasuring = false
    if (!this.#isClosed && (this.count > 1 || (this.#isHeldUp && this.#mayGrow))) this.#measureSoon()
  }

  async #adjust(rate: number, utilization: number): Promise<void> {
    const streams = this.count
    const isHeldUp = this.#isHeldUp
    const most = this.#isResting ? Math.min(streams, this.#most) : this.#most
    const measured = { streams, most, roundTripMs: this.#roundTripMs, isHeldUp, utilization, rate }
    const wanted = chooseStreams({ ...measured, rateBefore: this.#rateBefore })
    if (isHeldUp) this.#rateBefore = null
    if (wanted < streams) {
      this.#pause.begin()
      this.#shrink(wanted)
    } else if (wanted > streams) {
      await this.#grow(wanted)
      this.#rateBefore = streams === 1 ? null : rate
      this.#earlierBytes = this.#pendingBytes
      this.#skipped = 1
    }
  }

  #shrink(wanted: number): void {
    const surplus = this.#attached.splice(Math.max(0, wanted - 1))
    // A frame that was just given such a stream is written within this turn; after the end it would be lost.
    setImmediate(() => {
      for (const stream of surplus) stream.retire(() => void stream.channel.end(DRAIN_MS))
    })
    this.#log('')
    this.onRoom()
  }

  /**
   * Opens streams. The first one measures the line again: the time of connecting includes whatever both ends do as they
   * start, which makes a short line look long.
   */
  async #grow(wanted: number): Promise<void> {
    let failure = this.count === 1 ? await this.#open(1) : ''
    if (this.#isClosed) return
    if (this.#roundTripMs < LONG_LINE_MS) return this.#shrink(1)
    if (failure === '') failure = await this.#open(wanted - this.count)
    if (!this.#isClosed) this.#log(failure)
  }

  /** Opens streams; returns why some were not opened, for the log. */
  async #open(streams: number): Promise<string> {
    const spread = this.#spread
    if (spread === null) return ''
    const opening = Array.from({ length: streams }, async () => {
      const { channel, bytes, roundTripMs } = await spread.attach(() => this.onRoom())
      if (this.#isClosed) return channel.destroy(null)
      this.#roundTripMs = Math.min(this.#roundTripMs, roundTripMs)
      this.#attached.push(new DataStream(channel))
      spread.onCredit(bytes)
      this.onRoom()
    })
    const refused = (await Promise.allSettled(opening)).find(({ status }) => status === 'rejected')
    if (refused?.status !== 'rejected') return ''
    // The session goes on with those that it has.
    this.#pause.begin()
    return `; others were not opened: ${String(refused.reason)}`
  }

  #log(why: string): void {
    const streams = this.count === 1 ? '1 data stream' : `${this.count} data streams`
    this.#spread?.log(`${streams} from now on${why}`)
  }
}

/** Remembers the metadata of directories that the receiver got in this session. */
class DirectoryCache {
  readonly #control: DataStream
  readonly #sent = new Map<string, { text: string; readAt: bigint }>()

  constructor(control: DataStream) {
    this.#control = control
  }

  /** True if a directory is new to the receiver or has changed. */
  hasNews(source: OutgoingSource, directories: readonly FoundDirectory[]): boolean {
    return directories.some((one) => this.#isNew(source, one))
  }

  divide(files: readonly Outgoing[], directories: readonly FoundDirectory[]): FrameNews[] {
    const frames: FrameNews[] = []
    const [first] = files
    if (first === undefined) return frames
    const left = new Map(
      directories.filter((one) => this.#isNew(first.source, one)).map((one) => [one.path, one]),
    )
    let last: FrameNews = { files: 0, directories: [] }
    let bytes = 0
    for (const file of files) {
      const news = left.size === 0 ? [] : findAbove(file, left)
      const added = [file, ...news].reduce((sum, one) => sum + estimateBytes(one), 0)
      const isFull = last.directories.length + news.length > MAX_DIRECTORIES || bytes + added > MAX_NEWS_BYTES
      if (last.files === 0 || isFull) {
        last = { files: 0, directories: [] }
        bytes = 0
        frames.push(last)
      }
      for (const one of news) {
        left.delete(one.path)
        last.directories.push(this.#take(file.source, one))
      }
      last.files += 1
      bytes += added
    }
    return frames
  }

  forget({ id }: OutgoingSource, directories: readonly DirectoryEntry[]): void {
    for (const [, path] of directories) this.#sent.delete(`${id}/${path}`)
  }

  /** A file may wait after its directories were read, while newer metadata of them go with other files. */
  #isNew({ id }: OutgoingSource, { path, facts, readAt }: FoundDirectory): boolean {
    const sent = this.#sent.get(`${id}/${path}`)
    if (sent === undefined) return true
    if (readAt < sent.readAt) return false
    if (sent.text !== JSON.stringify(encodeMetadata(facts))) return true
    sent.readAt = readAt
    return false
  }

  #take(source: OutgoingSource, { path, facts, readAt }: FoundDirectory): DirectoryEntry {
    const words = encodeMetadata(facts)
    if (this.#sent.size >= MAX_CACHED) this.#sent.clear()
    this.#sent.set(`${source.id}/${path}`, { text: JSON.stringify(words), readAt })
    return [this.#control.getSourceNumber(source), path, words]
  }
}

/** Returns those of some directories that are above a file. */
const findAbove = ({ path }: Outgoing, some: ReadonlyMap<string, FoundDirectory>): FoundDirectory[] =>
  ['', ...Array.from(path.matchAll(/\//g), ({ index }) => path.slice(0, index))].flatMap(
    (above) => some.get(above) ?? [],
  )

/** Estimates the bytes of an entry in a header; a character takes at most three. */
const estimateBytes = ({ path, facts }: Pick<FoundDirectory, 'path' | 'facts'>): number =>
  Object.entries(facts.more?.attributes ?? {}).reduce(
    (sum, [name, value]) => sum + 3 * name.length + value.length + ATTRIBUTE_BYTES,
    ENTRY_BYTES + 3 * path.length,
  )
