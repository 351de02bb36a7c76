import { onTestFinished } from 'vitest'
import type { OutgoingSource, Session } from '../../../core/backends/destination.ts'
import { openDestination } from '../../../core/backends/open.ts'
import { openSessions } from '../../../core/backends/session-memory.ts'
import { Bucket } from '../../../core/backends/token-bucket.ts'
import type { SessionMemory, TransferResult } from '../../../core/ledger/ledger.ts'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { computeDigest } from '../../../core/platform/digest.ts'
import type { FileMetadata } from '../../../core/platform/file-metadata.ts'
import { isLarge } from '../../../core/send/transfer/source-worker.ts'
import type { Destination as DestinationSettings } from '../../../core/settings/destination-schema.ts'
import { DEFAULT_KEEP, type Keep } from '../../../core/store/retention/retention.ts'
import { buildFacts } from '../store/file-facts.ts'
import { type Home, receiverParts } from '../transfer/transfer.ts'
import { until } from '../until.ts'

const CHUNK_BYTES = 256 * 1024

export const source: OutgoingSource = { id: 'source-1', name: 'data', path: '/measured/data' }

/** A sender's end of a destination without a scanner or a queue. */
export interface Driver {
  /** Waits for a session that is there now. */
  session(): Promise<Session>
  /** Its state, and what people are told about it. */
  readonly state: string
  readonly problem: Message | null
  readonly notices: Message[]
  /** Sends a file as the sender does: whole, or in chunks where it is large. */
  send(
    path: string,
    bytes: Buffer,
    changes?: Partial<FileMetadata>,
    identity?: string,
  ): Promise<TransferResult>
  /** Bytes that a large file did not have to send. */
  readonly skipped: number
  stop(): void
}

export interface DriveOptions {
  /** What a ledger remembers of the last session; one that is given is written to. */
  memory?: { session: SessionMemory | null }
  bucket?: Bucket
  /** Of this computer. */
  name?: string
  /** Left out: as the sender opens it. */
  open?: typeof openDestination
  /** A session that could not begin is waited for. */
  isPatient?: boolean
  /** Which older contents stay. */
  keep?: Keep
}

function rememberedIn(memory: { session: SessionMemory | null }) {
  const ledger = {
    session: () => memory.session,
    rememberSession: (_: string, session: SessionMemory) => {
      memory.session = session
    },
    offerAgainSince: () => 0,
    offerAgain: () => 0,
    removedSince: () => 0,
  }
  return openSessions(ledger, { id: 'd', name: 'nas' })
}

async function sendLarge(
  session: Session,
  path: string,
  bytes: Buffer,
  facts: FileMetadata,
  onSkipped: (bytes: number) => void,
  identity?: string,
): Promise<TransferResult> {
  const upload = await session.begin({ source, path, facts }, [], identity)
  if (upload === null) return { kind: 'lost' }
  onSkipped(upload.offset)
  for (let at = upload.offset; at < bytes.length; at += CHUNK_BYTES) {
    // The session gives a chunk's memory back: it must not be the test's.
    const chunk = Buffer.from(bytes.subarray(at, at + CHUNK_BYTES))
    if (!(await upload.chunk(chunk))) return upload.abort(true)
  }
  return upload.end(computeDigest(bytes))
}

/** Opens a destination; it ends with the test. */
export function drive(
  home: Home,
  settings: DestinationSettings,
  secrets: Record<string, string>,
  {
    memory = { session: null },
    bucket = new Bucket(),
    name = 'station-3',
    open = openDestination,
    isPatient = false,
    keep = DEFAULT_KEEP,
  }: DriveOptions = {},
): Driver {
  let current: Session | null = null
  const told = { state: 'idle', problem: null as Message | null, skipped: 0 }
  const notices: Message[] = []
  const destination = open(
    settings,
    {
      identity: home.identity,
      name,
      secrets,
      retrySeconds: 1,
      keep,
      bucket,
      sessions: rememberedIn(memory),
      status: () => null,
      storeThread: receiverParts.storeThread,
    },
    {
      onSession(session) {
        current = session
      },
      onState(state, problem) {
        told.state = state
        told.problem = problem
      },
      onTrouble: () => undefined,
      onNotice: (sentence) => void notices.push(sentence),
      onWanted: () => undefined,
      log: () => undefined,
    },
  )
  onTestFinished(() => destination.stop())
  const session = () =>
    until('there is a session', () => {
      if (current !== null && !current.closed) return current
      if (told.problem !== null && !isPatient) throw new Error(JSON.stringify(told.problem))
      return null
    })
  return {
    session,
    notices,
    get state() {
      return told.state
    },
    get problem() {
      return told.problem
    },
    get skipped() {
      return told.skipped
    },
    async send(path, bytes, changes = {}, identity) {
      const to = await session()
      const facts = buildFacts(bytes.length, changes)
      if (isLarge(bytes.length, to)) {
        told.skipped = 0
        const onSkipped = (count: number) => {
          told.skipped = count
        }
        return sendLarge(to, path, bytes, facts, onSkipped, identity)
      }
      const file = { source, path, facts, bytes, digest: computeDigest(bytes) }
      return new Promise<TransferResult>((answered) => {
        void to.sendSmall([file], [], {
          onTurn: () => true,
          onUsed: () => undefined,
          onResult: (_, answer) => answered(answer),
        })
      })
    },
    stop: () => destination.stop(),
  }
}
