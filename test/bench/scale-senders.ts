import type { SmallOutgoing } from '../../core/backends/destination.ts'
import { dial } from '../../core/backends/receiver/dial.ts'
import { statusFrame } from '../../core/backends/receiver/receiver.ts'
import { ReceiverSession } from '../../core/backends/receiver/receiver-session.ts'
import { computeDigest } from '../../core/platform/digest.ts'
import type { Identity } from '../../core/protocol/identity.ts'

/** What one sender got. */
export interface Served {
  /** Files that became durable while all of them were sending. */
  files: number
  /** From a file's being handed over to its answer, in milliseconds. */
  delays: number[]
}

export interface Load {
  files: number
  bytes: number
  /** Small files that are handed over together. */
  together: number
}

export interface BenchSender {
  send(load: Load): Promise<Served>
  /** Sends a status, as a station does after a change. */
  report(status: Parameters<typeof statusFrame>[0]): void
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
export async function connectSender(
  peer: { host: string; port: number; fingerprint: string },
  identity: Identity,
  name: string,
): Promise<BenchSender> {
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
    report: (status) => channel.send('status', statusFrame(status, Date.now())),
    close() {
      stopping.abort()
      session.close()
      channel.destroy(null)
    },
  }
}
