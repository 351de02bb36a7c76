import fs from 'node:fs'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import type { TLSSocket } from 'node:tls'
import tls from 'node:tls'
import { onTestFinished } from 'vitest'
import { computeDigest } from '../../../core/platform/digest.ts'
import { createFrameDecoder, encodeFrame } from '../../../core/protocol/codec.ts'
import type { Frame, FrameHeader, FrameType } from '../../../core/protocol/frames.ts'
import { loadIdentity } from '../../../core/protocol/identity.ts'
import { type FileStatus, fileStatuses, PROTOCOL } from '../../../core/protocol/limits.ts'
import { peerFingerprint, serverOptions } from '../../../core/protocol/tls.ts'
import { SOURCE } from '../transfer/transfer.ts'

type WelcomeSession = NonNullable<FrameHeader<'welcome'>['session']>

/** One connection of the sender, as the liar has it. */
export interface Victim {
  socket: TLSSocket
  /** Which connection it is: 1 is the first. */
  number: number
  send<T extends FrameType>(type: T, header: FrameHeader<T>): void
  /** What became of files: the position goes on by one with each result, unless it is given. */
  result(ids: readonly number[], status?: FileStatus, position?: number): void
}

export interface Lies {
  /** What the welcome says besides. */
  welcome?(victim: Victim): Partial<FrameHeader<'welcome'>>
  /** What the welcome says of the session. */
  session?(victim: Victim): Partial<WelcomeSession>
  /** Right after the welcome. */
  onWelcomed?(victim: Victim): void
  /** True: this frame needs no other answer. Else it is answered like a receiver that has stored everything. */
  answer?(frame: Frame, victim: Victim): boolean
}

/**
 * A receiver in the test's own process that speaks the wire, stores nothing, and says of every file that it is
 * durable; what it lies about besides is the test's.
 * @param trusted the sender's fingerprint.
 */
export async function startLiar(directory: string, trusted: string, lies: Lies = {}) {
  const identity = await loadIdentity(path.join(directory, 'liar'))
  let told = lies
  let position = 0
  /** When each connection came, in milliseconds. */
  const connections: number[] = []
  const victims = new Set<Victim>()
  const faults: string[] = []
  /** Contents of files that came, by path: all that the liar knows. */
  const contents = new Map<string, Buffer>()
  const seen: Frame['type'][] = []
  const offered = new Set<string>()
  const open = new Map<number, { path: string; pieces: Buffer[] }>()
  let proofs: FrameHeader<'prove'>[] = []

  const note = (frame: Frame) => {
    if (frame.type !== 'alive') seen.push(frame.type)
    if (frame.type === 'batch') {
      let at = 0
      for (const [, , name, size] of frame.header.files) {
        offered.add(name)
        contents.set(name, Buffer.from(frame.payload.subarray(at, at + size)))
        at += size
      }
    } else if (frame.type === 'copy') offered.add(frame.header.path)
    else if (frame.type === 'begin') open.set(frame.header.id, { path: frame.header.path, pieces: [] })
    else if (frame.type === 'chunk') {
      const { id, zeros } = frame.header
      open.get(id)?.pieces.push(zeros === undefined ? Buffer.from(frame.payload) : Buffer.alloc(zeros))
    } else if (frame.type === 'end') {
      const file = open.get(frame.header.id)
      if (file !== undefined) contents.set(file.path, Buffer.concat(file.pieces))
      open.delete(frame.header.id)
    } else if (frame.type === 'prove') proofs.push(frame.header)
  }

  const answer = (frame: Frame, victim: Victim) => {
    if (frame.type === 'batch') {
      victim.result(frame.header.files.map(([id]) => id))
      victim.send('credit', { bytes: frame.payload.length })
    } else if (frame.type === 'begin') {
      if (frame.header.file !== undefined) victim.send('resume', { id: frame.header.id, offset: 0 })
    } else if (frame.type === 'chunk')
      victim.send('credit', { bytes: frame.header.zeros ?? frame.payload.length })
    else if (frame.type === 'end') victim.result([frame.header.id])
    else if (frame.type === 'abort') victim.result([frame.header.id], 'aborted')
    else if (frame.type === 'copy')
      victim.result([frame.header.id], contents.has(frame.header.path) ? 'same' : 'unknown')
    else if (frame.type === 'prove') {
      // All that can be said without the nonce.
      const digest = computeDigest(contents.get(frame.header.path) ?? Buffer.of())
      victim.send('proof', { id: frame.header.id, digest, reason: '' })
    } else if (frame.type === 'alive') victim.send('alive', { stalledMs: 0 })
  }

  const server = tls.createServer(serverOptions(identity), (socket) => {
    // Mutual: the sender shows the certificate that it was paired with.
    if (peerFingerprint(socket) !== trusted) faults.push('another certificate')
    connections.push(performance.now())
    const victim: Victim = {
      socket,
      number: connections.length,
      send(type, header) {
        for (const piece of encodeFrame(type, header)) socket.write(piece)
      },
      result(ids, status = 'durable', given) {
        position += 1
        const results = ids.map((id): [number, number, string] => [id, fileStatuses.indexOf(status), ''])
        victim.send('result', { position: given ?? position, results })
      },
    }
    victims.add(victim)
    const decoder = createFrameDecoder(() => true)
    socket.on('error', () => undefined)
    socket.once('close', () => victims.delete(victim))
    socket.on('data', (bytes: Buffer) =>
      decoder.push(bytes, (frame) => {
        if (frame.type === 'hello') {
          const session = { epoch: 'ab', position, last: null, next: 'cd', isForked: false }
          victim.send('welcome', {
            ...{ protocol: PROTOCOL, name: 'liar', bytes: 16 * 1024 * 1024, files: 8192 },
            session: { ...session, ...told.session?.(victim) },
            ...told.welcome?.(victim),
          })
          told.onWelcomed?.(victim)
          return
        }
        note(frame)
        if (told.answer?.(frame, victim) !== true) answer(frame, victim)
      }),
    )
  })
  // One that is sent elsewhere while it connects hangs up.
  server.on('tlsClientError', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ECONNRESET') faults.push(String(error))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const dropAll = () => {
    for (const { socket } of victims) socket.destroy()
  }
  onTestFinished(() => {
    dropAll()
    server.close()
  })
  return {
    at: { port: (server.address() as AddressInfo).port, fingerprint: identity.fingerprint },
    connections,
    contents,
    seen,
    /** Paths of files that came, or could be copied, since the last change of the lie. */
    offered,
    faults,
    proofs: () => proofs,
    /** From now on it lies about something else; what it has heard so far counts no more. */
    lie(next: Lies) {
      told = next
      proofs = []
      seen.length = 0
      offered.clear()
    },
    /** Asks for a file again, or for any other. */
    want(name: string, source = SOURCE) {
      for (const victim of victims) victim.send('want', { files: [[source, name]] })
    },
    dropAll,
  }
}

/** Writes bytes again and again, as fast as the sender takes them, while `goesOn` says so. */
async function pour(socket: TLSSocket, bytes: () => Buffer, goesOn: () => boolean): Promise<void> {
  let release: () => void = () => undefined
  socket.on('drain', () => release())
  socket.once('close', () => release())
  while (goesOn() && !socket.destroyed) {
    const hasRoom = socket.write(bytes())
    await new Promise<void>((resolve) => {
      release = resolve
      if (hasRoom) setImmediate(resolve)
    })
  }
}

/** Pours into each connection from its welcome on, until it is ended. */
export function floodWith(liar: { lie(lies: Lies): void }, bytes: () => Buffer) {
  let isOver = false
  const poured: Promise<void>[] = []
  liar.lie({ onWelcomed: ({ socket }) => void poured.push(pour(socket, bytes, () => !isOver)) })
  return {
    async end() {
      isOver = true
      await Promise.all(poured)
    },
  }
}

/** Of a process, from now on: by how many bytes its memory has ever grown (proc_pid_status(5)). */
export function watchMemory(pid: number) {
  const read = (field: string): number => {
    const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024
  }
  // Its peak begins anew (proc_pid_clear_refs(5)).
  fs.writeFileSync(`/proc/${pid}/clear_refs`, '5')
  const before = read('VmRSS')
  return { grownBytes: () => read('VmHWM') - before }
}
