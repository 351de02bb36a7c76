import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { SmallOutgoing } from '../../core/backends/destination.ts'
import { dial } from '../../core/backends/receiver/dial.ts'
import { ReceiverSession } from '../../core/backends/receiver/receiver-session.ts'
import { createSemaphore } from '../../core/lib/async/semaphore.ts'
import { computeDigest } from '../../core/platform/digest.ts'
import { type Identity, loadIdentity } from '../../core/protocol/identity.ts'
import { measureUsage } from '../support/process-tree.ts'
import { startReceiver } from './ends.ts'
import { quantile, type Row } from './row.ts'

const SENDERS = 200
const LOAD: Load = { files: 500, bytes: 4096, together: 25 }
/** A receiver lets so many of one address in at a time (listener.ts); stations have addresses of their own. */
const HANDSHAKES = 12
/** What a station sends that has one new file a second. */
const TRICKLE: Load = { files: 5, bytes: 4096, together: 1 }

/** The files and delays of one sender. */
interface Served {
  /** Files that became durable while all of them were sending. */
  files: number
  /** From a file's being handed over to its answer, in milliseconds. */
  delays: number[]
}

interface Load {
  files: number
  bytes: number
  /** Small files that are handed over together. */
  together: number
}

interface Sender {
  send(load: Load): Promise<Served>
  close(): void
}

const facts = (bytes: number) => ({
  size: bytes,
  mtimeNs: 1_700_000_000_000_000_000n,
  mode: 0o644,
  user: 0,
  group: 0,
  more: null,
})

/**
 * Connects as one sender, and gives what sends its files. Real sessions of the product; only the reading of a disk is
 * left out, so that many senders fit one machine.
 */
async function connectSender(
  peer: { host: string; port: number; fingerprint: string },
  identity: Identity,
  name: string,
): Promise<Sender> {
  const stopping = new AbortController()
  const hello = { name, purpose: 'send', session: null } as const
  const { channel, welcome, follow } = await dial(peer, identity, hello, stopping.signal)
  const session = new ReceiverSession(channel, welcome, { receiver: 'bench' })
  follow(
    (frame) => {
      if (!['alive', 'want', 'twice'].includes(frame.type)) session.onFrame(frame)
    },
    () => session.close(),
  )
  const source = { id: 'source', name: 'data', path: '/data' }

  const group = (round: number, { together, bytes }: Load): SmallOutgoing[] =>
    Array.from({ length: together }, (_, index) => {
      const content = Buffer.alloc(bytes, `${name}/${round}/${index}`)
      return {
        source,
        path: `${round % 20}/${round}-${index}`,
        facts: facts(bytes),
        bytes: content,
        digest: computeDigest(content),
      }
    })

  return {
    async send(load) {
      const served: Served = { files: 0, delays: [] }
      for (let round = 0; round * load.together < load.files; round += 1) {
        const began = performance.now()
        await new Promise<void>((resolve, reject) => {
          let answers = 0
          const answered = () => {
            answers += 1
            if (answers === load.together) resolve()
          }
          const events = {
            onTurn: () => true,
            onUsed: () => undefined,
            onResult(_: number, answer: { kind: string }) {
              if (answer.kind !== 'stored') reject(new Error(`${name}: ${answer.kind}`))
              served.files += 1
              served.delays.push(performance.now() - began)
              answered()
            },
          }
          void session.sendSmall(group(round, load), [], events)
        })
      }
      return served
    },
    close() {
      stopping.abort()
      session.close()
      channel.destroy(null)
    },
  }
}

async function sendAll(senders: readonly Sender[], load: Load) {
  const began = performance.now()
  const served = await Promise.all(
    senders.map(async (sender) => ({
      ...(await sender.send(load)),
      seconds: (performance.now() - began) / 1000,
    })),
  )
  return { served, seconds: (performance.now() - began) / 1000 }
}

const getDelays = (served: readonly Served[]) => served.flatMap(({ delays }) => delays)
const row = (metric: string, value: number, unit: string, target: Row['target'] = null): Row => ({
  metric,
  value,
  unit,
  reference: null,
  target,
})

/** What one receiver holds: many senders at once over TLS on this machine, which sends, too. */
export async function* run(): AsyncGenerator<Row> {
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-scale-'))
  const names = Array.from({ length: SENDERS }, (_, index) => `station-${index + 1}`)
  const identities = await Promise.all(names.map((name) => loadIdentity(path.join(directory, 'ids', name))))
  const paired = identities.map(({ fingerprint }, index) => ({ fingerprint, name: names[index] ?? '' }))
  const receiver = await startReceiver(directory, paired)
  try {
    const { pid, address } = receiver
    const idle = measureUsage(pid)
    const began = performance.now()
    const turns = createSemaphore(HANDSHAKES)
    const connect = async (identity: Identity, index: number) => {
      await turns.acquire()
      return connectSender(address, identity, names[index] ?? '').finally(() => turns.release())
    }
    const senders = await Promise.all(identities.map(connect))
    const connected = (performance.now() - began) / 1000
    const resting = measureUsage(pid)
    // Sessions that have begun, and code that is compiled.
    await sendAll(senders, { ...LOAD, files: LOAD.together })
    const burst = await sendAll(senders, LOAD)
    const busy = measureUsage(pid)
    const peak = receiver.peakMiB()
    const trickle = await sendAll(senders, TRICKLE)
    for (const sender of senders) sender.close()
    const seconds = burst.served.map((one) => one.seconds)
    const files = burst.served.reduce((sum, one) => sum + one.files, 0)
    const manifest = statSync(path.join(receiver.storeDirectory, '.holdfast/manifest.db')).size
    if (burst.served.some((one) => one.files < LOAD.files)) throw new Error('a sender was not served')
    yield* [
      row('files a second, 200 senders at once', files / burst.seconds, '/s'),
      row('slowest sender / fastest sender', Math.max(...seconds) / Math.min(...seconds), '', { atMost: 2 }),
      row('200 connections with their handshakes', connected, 's'),
      row('one file of each at a time, p50', quantile(getDelays(trickle.served), 0.5), 'ms'),
      row('one file of each at a time, p99', quantile(getDelays(trickle.served), 0.99), 'ms'),
      row('threads of the receiver', busy.threads, '', { atMost: idle.threads + 16 }),
      row('memory per sender', ((resting.residentMiB - idle.residentMiB) / SENDERS) * 1024, 'KiB'),
      row('memory of the receiver, most', peak, 'MiB', { atMost: 512 }),
      row('manifest per file', manifest / (files + SENDERS * (LOAD.together + TRICKLE.files)), 'bytes'),
    ]
  } finally {
    await receiver.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}
