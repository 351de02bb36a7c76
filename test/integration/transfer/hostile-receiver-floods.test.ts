import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { encodeFrame } from '../../../core/protocol/codec.ts'
import { MAX_PROPOSAL_BYTES } from '../../../core/protocol/limits.ts'
import { LARGE, MIB, MOST_MEMORY, SMALL, setUp } from '../../support/faults/lied-to.ts'
import { floodWith, type Lies, watchMemory } from '../../support/faults/lying-receiver.ts'
import { offerAll, SOURCE, writeFile } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

describe.skipIf(process.platform !== 'linux')(
  'flooding receiver (Linux: removing sent files, and a process’ memory)',
  () => {
    test('a million resend requests yield only files of the source, in bounded memory, while new files are sent', async () => {
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
      const flood = floodWith(liar, () => {
        asked += 256
        return frames[(asked / 256) % frames.length] ?? Buffer.of()
      })
      liar.dropAll()
      await until('a million are asked for', () => asked > 1_000_000, 90_000)
      // In the middle of it a new file goes, and a question of the window is answered.
      writeFile(home.source, 'later', 'later')
      offerAll(home)
      sender.nudge()
      await until('a new file goes', () => liar.contents.has('later'))
      await until('nobody tries to send what the link leads to any more', async () => {
        const question = { source: null, state: 'waiting', before: null, limit: 10 }
        const waiting = (await sender.request('files', question)) as { files: { path: string }[] }
        return !waiting.files.some((file) => file.path === 'link/secret')
      })
      await flood.end()
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

    test('a flood of proposed settings leaves memory and log bounded, while new files are sent', async () => {
      const proposals = { decided: null }
      const { home, liar, sender, allSent } = await setUp({}, undefined, { proposals })
      await allSent()
      const memory = watchMemory(sender.process.pid ?? 0)
      let made = 0
      const flood = floodWith(liar, () => {
        made += 1
        const proposal = { id: made.toString(16), by: 'x', text: 'y'.repeat(MAX_PROPOSAL_BYTES) }
        return Buffer.concat(encodeFrame('propose', { proposal }))
      })
      liar.dropAll()
      await until('thousands are proposed', () => made > 5_000)
      writeFile(home.source, 'later', 'later')
      offerAll(home)
      sender.nudge()
      await until('a new file goes', () => liar.contents.has('later'))
      await flood.end()
      expect(memory.grownBytes()).toBeLessThan(MOST_MEMORY)
      expect(sender.log.length).toBeLessThan(100)
    })

    test('endless frames at full speed leave memory and log bounded, while new files are sent', async () => {
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
        const flood = floodWith(liar, () => {
          frames += 500
          return together
        })
        liar.dropAll()
        await until(`many: ${kind}`, () => frames > MOST_FRAMES)
        writeFile(home.source, kind, kind)
        offerAll(home)
        sender.nudge()
        await until(`a new file goes: ${kind}`, () => liar.contents.has(kind))
        await flood.end()
        expect(memory.grownBytes(), kind).toBeLessThan(MOST_MEMORY)
        expect(sender.log.length - lines, kind).toBeLessThan(200)
        fs.rmSync(path.join(home.source, kind))
      }
      await allArriveAtAnHonestOne()
    })

    test('a receiver that grants unlimited credit but reads nothing causes bounded read-ahead', async () => {
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
      await until('the line is full', () => !isGoing())
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
      'a receiver that %s in each connection is redialled with pauses, and no file is lost',
      async (_, lies) => {
        const { liar, sender, allArriveAtAnHonestOne } = await setUp(lies, 0.5)
        const memory = watchMemory(sender.process.pid ?? 0)
        await until('it has come again some times', () => liar.connections.length > 4)
        const pauses = liar.connections.slice(1).map((at, index) => at - (liar.connections[index] ?? 0))
        expect(Math.min(...pauses)).toBeGreaterThan(350)
        expect(memory.grownBytes()).toBeLessThan(MOST_MEMORY)
        expect(sender.log.length).toBeLessThan(100)
        await allArriveAtAnHonestOne()
      },
    )
  },
)
