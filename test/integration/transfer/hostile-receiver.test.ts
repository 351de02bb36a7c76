import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../../../core/files/digest.ts'
import type { RemovalRule } from '../../../core/send/messages.ts'
import { encodeFrame } from '../../../core/wire/codec.ts'
import type { FrameHeader } from '../../../core/wire/frames.ts'
import type { Lies, Victim } from '../../support/lying-receiver.ts'
import { pour, startLiar, watchMemory } from '../../support/lying-receiver.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  makeHome,
  offerAll,
  SOURCE,
  senderConfig,
  startListening,
  startTestSender,
  treeOf,
  writeFile,
} from '../../support/transfer.ts'
import { until } from '../../support/until.ts'

const MIB = 1024 * 1024
const SMALL = ['a', 'deep/er/b', 'deep/c', 'd', 'e']
/** Asked for before it is sent: the receiver may have a part of it. */
const LARGE = 'large'
const MOST_MEMORY = 150 * MIB
const RETRY_SECONDS = 0.1
/** Every file may be removed as soon as it is durable, if only the receiver proves that it has it. */
const removal: RemovalRule = { afterMs: 0, marks: [], sentMark: null }

/** What each file is, to the last change of its inode. */
function looksOf(root: string): Record<string, string> {
  const looks: Record<string, string> = {}
  for (const [name, content] of Object.entries(treeOf(root))) {
    const { ino, mode, uid, gid, mtimeNs, ctimeNs } = fs.lstatSync(path.join(root, name), { bigint: true })
    looks[name] = [content, ino, mode, uid, gid, mtimeNs, ctimeNs].join(' ')
  }
  return looks
}

/** A sender whose source has a removal rule, and a receiver that lies to it. */
async function setUp(lies: Lies = {}, retrySeconds = RETRY_SECONDS) {
  const base = temporaryDirectory('lies')
  const home = await makeHome(path.join(base, 'home'))
  for (const name of SMALL) writeFile(home.source, name, randomBytes(3_000))
  writeFile(home.source, LARGE, randomBytes(5 * MIB))
  const before = looksOf(home.source)
  const liar = await startLiar(base, home.identity.fingerprint, lies)
  const sender = startTestSender()
  const config = senderConfig(home, liar.at, { retrySeconds })
  const sources = config.sources.map((source) => ({ ...source, removal }))
  const files = offerAll(home)
  sender.configure({ ...config, sources })
  const isUntouched = () => {
    expect(looksOf(home.source)).toEqual(before)
    expect(liar.faults).toEqual([])
    expect(sender.process.exitCode ?? sender.process.signalCode).toBeNull()
  }
  return {
    ...{ base, home, liar, sender, files, before },
    totals: () => sender.report()?.totals[SOURCE],
    allSent: () => allSent(sender, files),
    isUntouched,
    /** Nothing is lost: an honest receiver gets all of them. */
    async allArriveAtAnHonestOne() {
      isUntouched()
      const store = path.join(base, 'store')
      const { at } = await startListening(store, [home])
      sender.configure(senderConfig(home, at, { retrySeconds }))
      const wanted = treeOf(home.source)
      await until(
        'all files are at the honest receiver',
        () => {
          expect(treeOf(path.join(store, 'sender-1', 'data'))).toEqual(wanted)
          return true
        },
        20_000,
      )
      isUntouched()
    },
  }
}

type Answer = NonNullable<Lies['answer']>

const wantAll = (victim: Victim) =>
  victim.send('want', { files: [...SMALL, LARGE].map((name): [string, string] => [SOURCE, name]) })

/** Another lie in each connection, which has to end by it; each asks for all files again. */
const oneByConnection = (answers: readonly Answer[], told: Set<number>): Lies => ({
  onWelcomed: wantAll,
  answer(frame, victim) {
    const lie = answers[victim.number - 1]
    if (lie === undefined) return false
    const isTold = lie(frame, victim)
    if (isTold) told.add(victim.number)
    if (isTold || frame.type !== 'copy') return isTold
    // So that the content is sent, whatever came before.
    victim.result([frame.header.id], 'unknown')
    return true
  },
})

describe.skipIf(process.platform !== 'linux')(
  'a receiver that lies (Linux: removing sent files, and a process’ memory)',
  () => {
    test('what is durable is the receiver’s own word: a copy that it has not is believed, but nothing is removed', async () => {
      // It says that it knows this computer, so that it is asked for each file instead of being sent it.
      const { liar, allSent, allArriveAtAnHonestOne } = await setUp({
        session: () => ({ position: 7 }),
        answer(frame, victim) {
          if (frame.type === 'copy') victim.result([frame.header.id], 'same')
          return frame.type === 'copy'
        },
      })
      await allSent()
      expect(liar.seen.filter((type) => type === 'copy')).toHaveLength(SMALL.length + 1)
      expect(liar.contents.size).toBe(0)
      await until('it is asked for proofs', () => liar.proofs().length > SMALL.length)
      await allArriveAtAnHonestOne()
    })

    test('what is durable is the receiver’s own word: it is believed by whatever position, but nothing is removed', async () => {
      const positions = [9, 5, 1, 0, 2 ** 52]
      let at = 0
      const { liar, allSent, totals, allArriveAtAnHonestOne } = await setUp({
        answer(frame, victim) {
          const position = positions[at++ % positions.length]
          if (frame.type === 'batch')
            for (const [id] of frame.header.files) victim.result([id], 'durable', position)
          else if (frame.type === 'end') victim.result([frame.header.id], 'durable', position)
          return frame.type === 'batch' || frame.type === 'end'
        },
      })
      await allSent()
      await until('it is asked for proofs', () => liar.proofs().length > SMALL.length)
      await allSent()
      // It comes back without what it has said: what was stored behind that is sent again.
      liar.lie({ session: () => ({ position: 0 }) })
      liar.contents.clear()
      liar.dropAll()
      await until('what it has lost is sent again', () => liar.contents.size > 0)
      await until('nothing waits', () => totals()?.waitingFiles === 0)
      await allArriveAtAnHonestOne()
    })

    test('a position that is none ends the connection, and nothing counts as sent', async () => {
      const values = [
        Number.NaN,
        -1,
        1.5,
        2 ** 52 + 1,
        2n ** 60n,
        Number.POSITIVE_INFINITY,
        '9',
        null,
        undefined,
      ]
      const told = new Set<number>()
      const answers = values.map(
        (value): Answer =>
          (frame, victim) => {
            const ids =
              frame.type === 'batch'
                ? frame.header.files.map(([id]) => id)
                : frame.type === 'end'
                  ? [frame.header.id]
                  : []
            const results = ids.map((id) => [id, 0, ''])
            const lie = { position: value, results } as unknown as FrameHeader<'result'>
            if (ids.length > 0) victim.send('result', lie)
            return ids.length > 0
          },
      )
      const { liar, totals, sender, allArriveAtAnHonestOne } = await setUp({
        answer: oneByConnection(answers, told).answer,
        // After the last lie it says nothing at all of any file.
        onWelcomed: ({ number, socket }) => number > values.length && socket.pause(),
      } as Lies)
      await until('each lie ended a connection', () => liar.connections.length > values.length, 20_000)
      expect(told.size).toBe(values.length)
      expect(totals()?.sentFiles).toBe(0)
      expect(sender.log.join()).not.toContain('error')
      await allArriveAtAnHonestOne()
    })

    test('nothing is removed by any answer to a question for a proof but the right one', async () => {
      const { liar, home, files, allSent, isUntouched } = await setUp()
      const here = (name: string) => fs.readFileSync(path.join(home.source, name))
      const nonces: Uint8Array[] = []
      const proofBy =
        (digest: (asked: FrameHeader<'prove'>) => Uint8Array | null, reason = ''): Answer =>
        (frame, victim) => {
          if (frame.type !== 'prove') return false
          nonces.push(Uint8Array.from(frame.header.nonce))
          victim.send('proof', { id: frame.header.id, digest: digest(frame.header), reason })
          return true
        }
      /** The file is found to be lost, and sent again. */
      const lost: Answer[] = [
        proofBy(() => randomBytes(32)),
        proofBy(({ nonce }) => nonce),
        // What it can know without the nonce.
        proofBy((asked) => digestOf(here(asked.path))),
        proofBy(({ path: name, nonce }) => digestOf(Buffer.concat([here(name), nonce]))),
        // The right answer to the first question of all.
        proofBy(({ path: name }) => digestOf(Buffer.concat([nonces[0] ?? Buffer.of(), here(name)]))),
        // Of another file.
        proofBy(({ path: name, nonce }) => digestOf(Buffer.concat([nonce, here(name === 'a' ? 'd' : 'a')]))),
        proofBy(() => null, 'unknown'),
      ]
      /** Nothing more is asked now. */
      const stops: Record<string, Answer> = {
        'that it cannot read': proofBy(() => null, 'EIO'),
        'no word': ({ type }) => type === 'prove',
      }
      await allSent()
      for (let round = 0; round < 3; round += 1) {
        let asked = round * 3
        const told = new Set<Answer>()
        liar.lie({
          answer(frame, victim) {
            const lie = lost[frame.type === 'prove' ? asked++ % lost.length : 0]
            if (lie === undefined || !lie(frame, victim)) return false
            told.add(lie)
            return true
          },
        })
        liar.dropAll()
        await until('all are asked for', () => new Set(liar.proofs().map((one) => one.path)).size === files)
        await until('and offered again', () => liar.offered.size === files)
        await allSent()
        expect(told.size).toBeGreaterThanOrEqual(files)
        isUntouched()
      }
      for (const [what, answer] of Object.entries(stops)) {
        liar.lie({ answer })
        liar.dropAll()
        await until(`it is asked: ${what}`, () => liar.proofs().length > 0)
        // Sending goes on.
        liar.contents.delete('a')
        liar.want('a')
        await until(`a file goes: ${what}`, () => liar.contents.has('a'))
        await allSent()
        expect(liar.proofs(), what).toHaveLength(1)
        isUntouched()
      }
      // And so it would be: the right answer removes all.
      liar.lie({
        answer: proofBy(({ path: name, nonce }) => digestOf(Buffer.concat([nonce, here(name)]))),
      })
      liar.dropAll()
      await until('all are removed', () => Object.keys(treeOf(home.source)).length === 0)
    })

    test('an answer to what was not asked, or a second one, ends the connection; the next one goes on', async () => {
      const onBatch =
        (say: (ids: number[], victim: Victim) => void): Answer =>
        (frame, victim) => {
          if (frame.type === 'batch')
            say(
              frame.header.files.map(([id]) => id),
              victim,
            )
          return frame.type === 'batch'
        }
      const onBegin =
        (say: (header: FrameHeader<'begin'>, victim: Victim) => void): Answer =>
        (frame, victim) => {
          if (frame.type === 'begin') say(frame.header, victim)
          return frame.type === 'begin'
        }
      const raw = (...bytes: number[]) => onBatch((_, { socket }) => void socket.write(Buffer.from(bytes)))
      const wrong = { digest: randomBytes(32), reason: '' }
      const answers: Answer[] = [
        onBatch(([id = 0], victim) => victim.result([id + 1_000_000])),
        onBatch(([id = 0], victim) => victim.result([id, id])),
        onBatch((ids, victim) => {
          victim.result(ids)
          victim.result(ids)
        }),
        onBatch((ids, victim) => victim.result(ids, 'unknown')),
        onBatch(([id = 0], victim) => {
          const lie = { position: 1, results: [[id, 10, '']] } as unknown as FrameHeader<'result'>
          victim.send('result', lie)
        }),
        onBatch(([id = 0], victim) => victim.send('resume', { id, offset: 0 })),
        onBatch(([id = 0], victim) => victim.send('proof', { id, ...wrong })),
        onBegin(({ id, size }, victim) => victim.send('resume', { id, offset: size + 1 })),
        onBegin(({ id }, victim) => {
          victim.send('resume', { id, offset: 0 })
          victim.send('resume', { id, offset: 0 })
        }),
        onBegin(({ id }, victim) => {
          victim.result([id])
          victim.send('resume', { id, offset: 0 })
        }),
        // Frames that only a sender says, or only once; lengths beyond any bounds; and no frame at all.
        onBatch((_, victim) => victim.send('end', { id: 1, digest: randomBytes(32) })),
        onBatch((_, victim) => victim.send('paired', { name: 'x' })),
        raw(11, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0),
        raw(12, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff),
        raw(250, 0, 0, 0, 0, 0, 0, 0, 0),
      ]
      const told = new Set<number>()
      const { liar, allSent, allArriveAtAnHonestOne } = await setUp(oneByConnection(answers, told))
      await until('each lie ended a connection', () => liar.connections.length > answers.length, 30_000)
      expect(told.size).toBe(answers.length)
      await allSent()
      await allArriveAtAnHonestOne()
    })

    test('a million files that it wants: only those of the source go, memory is bounded, and sending goes on', async () => {
      const { base, home, liar, sender, files, allSent, allArriveAtAnHonestOne, before } = await setUp()
      const outside = path.join(base, 'home', 'outside')
      const secret = randomBytes(2_000)
      writeFile(outside, 'secret', secret)
      fs.symlinkSync(outside, path.join(home.source, 'link'))
      await allSent()
      const bad = [
        '../outside/secret',
        'deep/../../outside/secret',
        path.join(outside, 'secret'),
        '/etc/passwd',
        'link/secret',
        '../identity/identity.pem',
        './a',
        '',
        'nul\0',
        'x'.repeat(8_000),
        '/proc/self/environ',
      ]
      const sources = [SOURCE, 'unknown', 'data']
      let asked = 0
      const frames = Array.from({ length: 64 }, (_, round) => {
        const names = Array.from({ length: 256 }, (_, index): [string, string] => {
          const at = round * 256 + index
          const name = at % 7 === 0 ? bad[at % bad.length] : `no-such/${at}`
          return [sources[at % sources.length] ?? SOURCE, name ?? '']
        })
        return Buffer.concat(
          encodeFrame('want', { files: round % 8 === 0 ? [[SOURCE, 'a'], ...names.slice(1)] : names }),
        )
      })
      const memory = watchMemory(sender.process.pid ?? 0)
      let isOver = false
      const poured: Promise<void>[] = []
      liar.lie({
        onWelcomed: ({ socket }) =>
          void poured.push(
            pour(
              socket,
              () => {
                asked += 256
                return frames[(asked / 256) % frames.length] ?? Buffer.of()
              },
              () => !isOver,
            ),
          ),
      })
      liar.dropAll()
      await until('a million are asked for', () => asked > 1_000_000, 30_000)
      // In the middle of it a new file goes, and a question of the window is answered.
      writeFile(home.source, 'later', 'later')
      offerAll(home)
      sender.nudge()
      await until('a new file goes', () => liar.contents.has('later'), 20_000)
      await until('nobody tries to send what the link leads to any more', async () => {
        const question = { source: null, state: 'waiting', before: null, limit: 10 }
        const waiting = (await sender.request('files', question)) as { files: { path: string }[] }
        return !waiting.files.some((file) => file.path === 'link/secret')
      })
      isOver = true
      await Promise.all(poured)
      expect(memory.grownBytes()).toBeLessThan(MOST_MEMORY)
      expect([...liar.contents.keys()].sort()).toEqual([...Object.keys(before), 'later'].sort())
      for (const [name, content] of liar.contents)
        expect(content.equals(fs.readFileSync(path.join(home.source, name))), name).toBe(true)
      expect(liar.connections).toHaveLength(2)
      expect(sender.log.length).toBeLessThan(500)
      expect(files).toBe(Object.keys(before).length)
      for (const name of ['later', 'link']) fs.rmSync(path.join(home.source, name))
      await allArriveAtAnHonestOne()
    })

    test('frames without end, as fast as they go: memory and log are bounded, and sending goes on', async () => {
      const { home, liar, sender, allSent, allArriveAtAnHonestOne } = await setUp()
      await allSent()
      const kinds: Record<string, Uint8Array[]> = {
        twice: encodeFrame('twice', { from: 'x'.repeat(200) }),
        alive: encodeFrame('alive', { stalledMs: 60_000 }),
        credit: encodeFrame('credit', { bytes: 2 ** 52 }),
      }
      const MOST_FRAMES = 200_000
      for (const [kind, frame] of Object.entries(kinds)) {
        const together = Buffer.concat(Array.from({ length: 500 }, () => frame).flat())
        const memory = watchMemory(sender.process.pid ?? 0)
        const lines = sender.log.length
        let frames = 0
        let isOver = false
        const poured: Promise<void>[] = []
        liar.lie({
          onWelcomed: ({ socket }) =>
            void poured.push(
              pour(
                socket,
                () => {
                  frames += 500
                  return together
                },
                () => !isOver,
              ),
            ),
        })
        liar.dropAll()
        await until(`many: ${kind}`, () => frames > MOST_FRAMES, 30_000)
        writeFile(home.source, kind, kind)
        offerAll(home)
        sender.nudge()
        await until(`a new file goes: ${kind}`, () => liar.contents.has(kind), 20_000)
        isOver = true
        await Promise.all(poured)
        expect(memory.grownBytes(), kind).toBeLessThan(MOST_MEMORY)
        expect(sender.log.length - lines, kind).toBeLessThan(200)
        fs.rmSync(path.join(home.source, kind))
      }
      await allArriveAtAnHonestOne()
    }, 90_000)

    test('one that grants everything and reads nothing: what is read ahead is bounded', async () => {
      const { home, liar, sender, allSent, allArriveAtAnHonestOne } = await setUp()
      await allSent()
      const memory = watchMemory(sender.process.pid ?? 0)
      const content = randomBytes(900_000)
      for (let number = 0; number < 200; number += 1) writeFile(home.source, `whole/${number}`, content)
      for (let number = 0; number < 8; number += 1) {
        writeFile(home.source, `long/${number}`, '')
        fs.truncateSync(path.join(home.source, `long/${number}`), 200 * MIB)
        fs.writeFileSync(path.join(home.source, `short-${number}`), randomBytes(3 * MIB))
      }
      liar.lie({
        welcome: () => ({ bytes: 2 ** 52, files: 2 ** 52 }),
        onWelcomed: ({ socket }) => void socket.pause(),
      })
      liar.dropAll()
      await until('it is connected again', () => liar.connections.length === 2)
      offerAll(home)
      sender.nudge()
      const isGoing = () => Object.keys(sender.report()?.rates ?? {}).length > 0
      await until('something goes', isGoing)
      await until('the line is full', () => !isGoing(), 15_000)
      expect(memory.grownBytes()).toBeLessThan(MOST_MEMORY)
      for (const name of fs.readdirSync(home.source))
        if (!SMALL.some((file) => file.startsWith(name)) && name !== LARGE)
          fs.rmSync(path.join(home.source, name), { recursive: true })
      await allArriveAtAnHonestOne()
    })

    test.each([
      [
        'refuses',
        {
          onWelcomed(victim) {
            for (let count = 0; count < 10_000; count += 1)
              victim.send('refused', { code: 'busy', reason: 'x'.repeat(900) })
          },
        },
      ],
      [
        'has another epoch',
        {
          session: ({ number }) => ({ epoch: `ab${number}`, position: number, last: 'ef' }),
          answer(frame, { socket }) {
            if (frame.type === 'batch' || frame.type === 'copy') setImmediate(() => socket.end())
            return false
          },
        },
      ],
      ['closes', { onWelcomed: ({ socket }) => void socket.end() }],
    ] satisfies [string, Lies][])(
      'one that %s in each connection is not dialled in a hot loop, and nothing is lost',
      async (_, lies) => {
        const { liar, sender, allArriveAtAnHonestOne } = await setUp(lies, 0.5)
        const memory = watchMemory(sender.process.pid ?? 0)
        await until('it has come again some times', () => liar.connections.length > 4, 20_000)
        const pauses = liar.connections.slice(1).map((at, index) => at - (liar.connections[index] ?? 0))
        expect(Math.min(...pauses)).toBeGreaterThan(350)
        expect(memory.grownBytes()).toBeLessThan(MOST_MEMORY)
        expect(sender.log.length).toBeLessThan(100)
        await allArriveAtAnHonestOne()
      },
    )
  },
)
