import fs from 'node:fs'
import path from 'node:path'
import type { TLSSocket } from 'node:tls'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import type { Session } from '../../../core/backends/destination.ts'
import { greet, Refused } from '../../../core/backends/receiver/dial.ts'
import { ReceiverSession } from '../../../core/backends/receiver/receiver-session.ts'
import type { TransferResult } from '../../../core/ledger/ledger.ts'
import { createFrameDecoder, ProtocolError } from '../../../core/protocol/codec.ts'
import type { Frame } from '../../../core/protocol/frames.ts'
import { PROTOCOL } from '../../../core/protocol/limits.ts'
import { buildFacts } from '../../support/store/file-facts.ts'
import {
  mutated,
  pickFrom,
  receiverFrame,
  restoreFrame,
  senderFrame,
  strayFrame,
  toBytes,
} from '../../support/transfer/frame-fuzz.ts'
import { attackOnce } from '../../support/transfer/fuzzed-connection.ts'
import { openFuzzedReceiver } from '../../support/transfer/fuzzed-receiver.ts'
import { createRandom, newSeed, readTree } from '../../support/transfer/transfer.ts'
import { buildHello, dataSource } from '../../support/transfer/wire-client.ts'
import { until } from '../../support/until.ts'

/**
 * Frames against each end in this process, about half of them mutated, the others valid but out of
 * order.
 */
const FRAMES = Number(process.env.HOLDFAST_FRAMES ?? 30_000)
const MIB = 1024 * 1024

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** What is held now, once nothing is left that nobody holds. */
function held() {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return { bytes: heapUsed + external, descriptors: fs.readdirSync('/proc/self/fd').length }
}

/** Connections that were cut a moment ago let go of what they hold a little later. */
const nothingGrew = (before: ReturnType<typeof held>) =>
  until('as much is held as before', () => {
    const { bytes, descriptors } = held()
    return bytes - before.bytes < 16 * MIB && descriptors - before.descriptors < 10
  })

test('receiver: hostile restore frames cause no crash, no leak and no file outside the store', async () => {
  const random = createRandom(newSeed('fuzz restore'))
  const { base, serve, refused } = openFuzzedReceiver()
  const opening = toBytes({ type: 'hello', header: { ...buildHello(), purpose: 'restore' }, payload: [] })
  const attackFor = async (goal: number) => {
    for (let frames = 0; frames < goal; )
      await attackOnce(serve, {
        ...{ random, opening, unopened: 0.05, stray: 0.08, valid: 0.5, frame: restoreFrame },
        sent: () => {
          frames += 1
        },
      })
  }
  await attackFor(1_000)
  const middle = held()
  await attackFor(1_000)
  await nothingGrew(middle)
  expect(refused.get('malformed')).toBeGreaterThan(10)
  expect(fs.readdirSync(path.join(base, 'outside'))).toEqual([])
})

test(`receiver: ${FRAMES} hostile frames cause no crash, no leak and no file outside the sender’s folder`, async () => {
  const random = createRandom(newSeed('fuzz receiver'))
  const { base, root, serve, refused, counts } = openFuzzedReceiver()
  const opening = toBytes({ type: 'hello', header: buildHello(), payload: [] })
  const greeting = toBytes({ type: 'source', header: dataSource, payload: [] })
  let frames = 0
  let goal = FRAMES / 2
  let connections = 0
  const attack = async () => {
    while (frames < goal) {
      connections += 1
      await attackOnce(serve, {
        ...{ random, opening, greeting, unopened: 0.05, stray: 0.08, valid: 0.5, frame: senderFrame },
        sent: () => {
          frames += 1
        },
      })
    }
  }
  await Promise.all([attack(), attack()])
  const middle = held()
  goal = FRAMES
  await Promise.all([attack(), attack()])
  await until('every connection has left', () => counts.left === counts.entered)
  await until(
    'nothing half is left',
    () => Object.keys(readTree(path.join(root, '.holdfast', 'tmp'))).length === 0,
  )
  console.log(`${connections} connections, ${JSON.stringify(counts)}, ${JSON.stringify([...refused])}`)
  await nothingGrew(middle)
  expect(counts.stored).toBeGreaterThan(1_000)
  expect(counts.statuses).toBeGreaterThan(500)
  expect(counts.notStored).toBeGreaterThan(40)
  expect(refused.get('malformed')).toBeGreaterThan(100)
  // Whatever the names were: nothing beside the sender's folder, nothing behind the link in it.
  expect(fs.readdirSync(base).sort()).toEqual(['inside', 'outside'])
  expect(fs.readdirSync(path.join(base, 'outside'))).toEqual([])
  expect(fs.readdirSync(path.join(base, 'inside'))).toEqual(['store'])
  expect(fs.readdirSync(root).sort()).toEqual(['.holdfast', 'sender'])
  expect(
    fs
      .readdirSync(path.join(root, '.holdfast'))
      .every((name) => /^(partial|tmp|versions|manifest\.db.*)$/.test(name)),
  ).toBe(true)
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
})

const source = { id: 'da7a', name: 'data', path: '/data' }
const outgoing = (size: number) => ({ source, path: 'file', facts: buildFacts(size) })

/** What a sender does with a connection: every way of sending, all at once. */
async function sendAll(session: Session): Promise<number> {
  const bytes = Buffer.alloc(500, 1)
  const digest = Buffer.alloc(32)
  const largeFile = async () => {
    const upload = await session.begin(outgoing(600_000), [])
    if (upload === null) return { kind: 'lost' } as const
    for (let chunk = 0; chunk < 3; chunk += 1) if (!(await upload.chunk(bytes))) return upload.abort(false)
    return upload.end(digest)
  }
  const answers = await Promise.all([
    ...Array.from(
      { length: 5 },
      () =>
        new Promise<TransferResult>((resolve) => {
          const onResult = (_: number, answer: TransferResult) => resolve(answer)
          const events = { onTurn: () => true, onUsed: () => undefined, onResult }
          void session.sendSmall([{ ...outgoing(bytes.length), bytes, digest }], [], events)
        }),
    ),
    session.copy(outgoing(2_000), [], digest, { source, path: 'old', isMoved: false, isTrusted: false }),
    session.prove(source, 'file', 600_000, digest),
    largeFile(),
    largeFile(),
  ])
  return answers.filter((answer) => answer === null || !['lost', 'unavailable'].includes(answer.kind)).length
}

test(`sender: ${FRAMES} hostile frames cause no crash and no leak, and every file is answered or counted as lost`, async () => {
  const random = createRandom(newSeed('fuzz sender'))
  const counts = { connections: 0, welcomed: 0, answered: 0, faults: 0, refused: 0, other: 0 }
  let frames = 0
  let goal = FRAMES / 2
  const ended = (reason: unknown) => {
    if (reason instanceof ProtocolError) counts.faults += 1
    else if (reason instanceof Refused) counts.refused += 1
    else counts.other += 1
  }
  const welcome = toBytes({
    type: 'welcome',
    header: {
      ...{ protocol: PROTOCOL, name: 'x', bytes: 4_000, files: 20 },
      session: { epoch: 'ab', position: 9, last: null, next: 'cd', isForked: false },
    },
    payload: [],
  })
  const attack = async () => {
    while (frames < goal) {
      counts.connections += 1
      const send = (socket: TLSSocket) =>
        greet(socket, { name: 'x', purpose: 'send', session: null }, new AbortController().signal).then(
          async (dialled) => {
            counts.welcomed += 1
            const session = new ReceiverSession(dialled.channel, dialled.welcome, { receiver: 'nas' })
            const lost = new Promise<void>((resolve) =>
              dialled.follow(
                (frame) => frame.type === 'alive' || session.onFrame(frame),
                (reason) => {
                  ended(reason)
                  session.close()
                  resolve()
                },
              ),
            )
            const [answered] = await Promise.all([sendAll(session), lost])
            counts.answered += answered
          },
          ended,
        )
      await attackOnce(send, {
        ...{ random, opening: welcome, unopened: 0.1, stray: 0.15, valid: 0.4, frame: receiverFrame },
        sent: () => {
          frames += 1
        },
      })
    }
  }
  await Promise.all([attack(), attack()])
  const middle = held()
  goal = FRAMES
  await Promise.all([attack(), attack()])
  console.log(JSON.stringify(counts))
  await nothingGrew(middle)
  expect(counts.welcomed).toBeGreaterThan(1_000)
  expect(counts.answered).toBeGreaterThan(100)
  expect(counts.refused).toBeGreaterThan(10)
  expect(counts.faults).toBeGreaterThan(1_000)
})

test('frame codec: every frame decoded from mutated bytes is encoded and decoded to the same frame again', () => {
  const random = createRandom(newSeed('fuzz codec'))
  let passed = 0
  for (let round = 0; round < 8_000; round += 1) {
    const frames: Frame[] = []
    const decoder = createFrameDecoder(() => true)
    const bytes = mutated(random, pickFrom(random, [senderFrame, receiverFrame, strayFrame])(random))
    try {
      for (let at = 0; at < bytes.length; ) {
        const next = at + 1 + Math.floor(random() * bytes.length)
        decoder.push(bytes.subarray(at, next), (frame) => frames.push(frame))
        at = next
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
    }
    // Encoding asks for the limits again, and decoding it again has to give the same.
    for (const frame of frames) {
      passed += 1
      const again: Frame[] = []
      const encoded = toBytes({ ...frame, payload: [frame.payload] })
      createFrameDecoder(() => true).push(encoded, (one) => again.push(one))
      expect(again).toEqual([frame])
    }
  }
  expect(passed).toBeGreaterThan(800)
})
