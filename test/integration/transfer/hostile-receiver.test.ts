import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { computeDigest } from '../../../core/platform/digest.ts'
import type { FrameHeader } from '../../../core/protocol/frames.ts'
import { type Answer, LARGE, oneByConnection, SMALL, setUp } from '../../support/faults/lied-to.ts'
import type { Lies, Victim } from '../../support/faults/lying-receiver.ts'
import { readTree } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

describe.skipIf(process.platform !== 'linux')(
  'lying receiver (Linux: removing sent files, and a process’ memory)',
  () => {
    test('a falsely confirmed copy counts as sent, but no original is removed', async () => {
      // It says that it knows this computer, so that it is asked for each file instead of being sent it.
      const { liar, allSent, allArriveAtAnHonestOne, untilInAPass } = await setUp({
        session: () => ({ position: 7 }),
        answer(frame, victim) {
          if (frame.type === 'copy') victim.result([frame.header.id], 'same')
          return frame.type === 'copy'
        },
      })
      await allSent()
      const asked = liar.seen.filter((type) => type === 'copy').length
      expect([...liar.offered].sort()).toEqual([...SMALL, LARGE].sort())
      expect(asked).toBeGreaterThanOrEqual(SMALL.length + 1)
      // Only for what it could not prove when a removal was tried is it asked once more.
      expect(asked).toBeLessThanOrEqual(SMALL.length + 1 + liar.proofs().length)
      expect(liar.contents.size).toBe(0)
      await untilInAPass('it is asked for proofs', () => liar.proofs().length > SMALL.length)
      await allArriveAtAnHonestOne()
    })

    test('a file confirmed at an arbitrary position counts as sent, but no original is removed', async () => {
      const positions = [9, 5, 1, 0, 2 ** 52]
      let at = 0
      const { liar, allSent, totals, allArriveAtAnHonestOne, untilInAPass } = await setUp({
        answer(frame, victim) {
          const position = positions[at++ % positions.length]
          if (frame.type === 'batch')
            for (const [id] of frame.header.files) victim.result([id], 'durable', position)
          else if (frame.type === 'end') victim.result([frame.header.id], 'durable', position)
          return frame.type === 'batch' || frame.type === 'end'
        },
      })
      await allSent()
      await untilInAPass('it is asked for proofs', () => liar.proofs().length > SMALL.length)
      await allSent()
      // It comes back without what it has said: what was stored behind that is sent again.
      liar.lie({ session: () => ({ position: 0 }) })
      liar.contents.clear()
      liar.dropAll()
      await until('what it has lost is sent again', () => liar.contents.size > 0)
      await until('nothing waits', () => totals()?.waitingFiles === 0)
      await allArriveAtAnHonestOne()
    })

    test('an invalid position ends the connection, and no file counts as sent', async () => {
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
      await until('each lie ended a connection', () => liar.connections.length > values.length)
      expect(told.size).toBe(values.length)
      expect(totals()?.sentFiles).toBe(0)
      expect(sender.log.join()).not.toContain('error')
      await allArriveAtAnHonestOne()
    })

    test('a sent file is removed only after the right proof, and after no other answer', async () => {
      const { liar, home, files, allSent, isUntouched, untilInAPass } = await setUp()
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
        proofBy((asked) => computeDigest(here(asked.path))),
        proofBy(({ path: name, nonce }) => computeDigest(Buffer.concat([here(name), nonce]))),
        // The right answer to the first question of all.
        proofBy(({ path: name }) => computeDigest(Buffer.concat([nonces[0] ?? Buffer.of(), here(name)]))),
        // Of another file.
        proofBy(({ path: name, nonce }) =>
          computeDigest(Buffer.concat([nonce, here(name === 'a' ? 'd' : 'a')])),
        ),
        proofBy(() => null, 'unknown'),
      ]
      /** How many files are asked for then. */
      const silent: Record<string, { answer: Answer; asked: number }> = {
        'that it cannot read': { answer: proofBy(() => null, 'EIO'), asked: files },
        'no word': { answer: ({ type }) => type === 'prove', asked: 1 },
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
        await untilInAPass(
          'all are asked for',
          () => new Set(liar.proofs().map((one) => one.path)).size === files,
        )
        await until('and offered again', () => liar.offered.size === files)
        await allSent()
        expect(told.size).toBeGreaterThanOrEqual(files)
        isUntouched()
      }
      for (const [what, { answer, asked }] of Object.entries(silent)) {
        liar.lie({ answer })
        liar.dropAll()
        await untilInAPass(`it is asked: ${what}`, () => liar.proofs().length > 0)
        // Sending goes on.
        liar.contents.delete('a')
        liar.want('a')
        await until(`a file goes: ${what}`, () => liar.contents.has('a'))
        await allSent()
        const paths = () => new Set(liar.proofs().map((one) => one.path))
        await untilInAPass(`so many are asked for: ${what}`, () => paths().size === asked)
        isUntouched()
      }
      // And so it would be: the right answer removes all.
      liar.lie({
        answer: proofBy(({ path: name, nonce }) => computeDigest(Buffer.concat([nonce, here(name)]))),
      })
      liar.dropAll()
      await untilInAPass('all are removed', () => Object.keys(readTree(home.source)).length === 0)
    })

    test('an unrequested, repeated or malformed answer ends its connection, and sending resumes', async () => {
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
        raw(11, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0),
        raw(12, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff),
        raw(250, 0, 0, 0, 0, 0, 0, 0, 0),
      ]
      const told = new Set<number>()
      const { liar, allSent, allArriveAtAnHonestOne } = await setUp(oneByConnection(answers, told))
      await until('each lie ended a connection', () => liar.connections.length > answers.length)
      expect(told.size).toBe(answers.length)
      await allSent()
      await allArriveAtAnHonestOne()
    })
  },
)
