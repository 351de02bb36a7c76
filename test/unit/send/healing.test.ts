import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Session } from '../../../core/backends/destination.ts'
import { type DamagedFile, type Ledger, openLedger } from '../../../core/ledger/ledger.ts'
import { computeDigest, digestText } from '../../../core/platform/digest.ts'
import { encodeMetadata } from '../../../core/protocol/metadata-codec.ts'
import { planHealing, storeFetched } from '../../../core/send/healing.ts'
import { createPathLocks } from '../../../core/send/queue/queue.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { fakeSession } from '../../support/transfer/fake-session.ts'

const SOURCE = 's'
const [HERE, OTHER] = ['here', 'other']
const AT = 2_000_000_000_000

const contentOf = (name: string) => Buffer.from(`content of ${name}`)

/** A ledger in which two destinations have these files, which are gone at the source. */
function open(names: readonly string[]): Ledger {
  const ledger = openLedger(path.join(temporaryDirectory('healing'), 'ledger.db'))
  onTestFinished(() => ledger.close())
  for (const destination of [HERE, OTHER]) send(ledger, destination, names, AT - 1000)
  for (const destination of [HERE, OTHER]) ledger.markGone(destination, SOURCE, names, AT - 500)
  return ledger
}

function send(ledger: Ledger, destination: string, names: readonly string[], at: number, inode = 1): void {
  const stat = { mtimeNs: BigInt(at), ctimeNs: BigInt(at), device: 1n }
  ledger.offer(
    destination,
    names.map((name, index) => ({
      ...stat,
      ...{ source: SOURCE, path: name, size: contentOf(name).length, inode: BigInt(inode + index) },
    })),
  )
  const due = ledger.take(destination, SOURCE, 100, Date.now() + 1e12, new Set())
  ledger.markSent(
    due.map((one) => ({ ...one, mark: false, digest: computeDigest(contentOf(one.path)) })),
    at,
  )
}

const damaged = (name: string): DamagedFile => ({
  ...{ source: SOURCE, path: name, finding: 'damaged', at: AT, size: contentOf(name).length },
  digest: digestText(computeDigest(contentOf(name))),
})

const plan = (ledger: Ledger) => planHealing(ledger, HERE, new Set([SOURCE]), [OTHER], null)
const namesOf = (files: readonly DamagedFile[]) => files.map((file) => file.path)

test('healing plan: a file comes from a destination with the same content that is not damaged, too', () => {
  const ledger = open(['a', 'b', 'c'])
  for (const name of ['a', 'b', 'c']) ledger.offerDamaged(HERE, damaged(name))
  ledger.offerDamaged(OTHER, damaged('b'))
  const { files, lost, resent, next } = plan(ledger)
  expect(files.map(({ file, from }) => [file.path, ...from])).toEqual([
    ['a', OTHER],
    ['c', OTHER],
  ])
  expect(namesOf(lost)).toEqual(['b'])
  expect([resent, next]).toEqual([0, { source: SOURCE, path: 'c' }])
  expect(ledger.countDamaged(HERE)).toMatchObject({ files: 3 })
})

test('healing plan: findings about files that were sent again, or gave way to a directory, are forgotten', () => {
  const ledger = open(['a', 'b'])
  for (const name of ['a', 'b']) ledger.offerDamaged(HERE, damaged(name))
  send(ledger, HERE, ['a'], AT + 1000, 50)
  send(ledger, HERE, ['b/below'], AT + 1000, 60)
  expect(plan(ledger)).toMatchObject({ files: [], lost: [], resent: 0 })
  expect(ledger.countDamaged(HERE).files).toBe(0)
})

test('healing plan: a file that is still at the source is left to the queue', () => {
  const ledger = open(['a'])
  send(ledger, HERE, ['new'], AT - 100, 9)
  ledger.offerDamaged(HERE, damaged('new'))
  expect(plan(ledger)).toMatchObject({ files: [], lost: [], resent: 1 })
})

test('healing plan: files of a source that is paused, or no longer sent there, are counted and left alone', () => {
  const ledger = open(['a'])
  ledger.offerDamaged(HERE, damaged('a'))
  expect(planHealing(ledger, HERE, new Set(), [OTHER], null)).toMatchObject({
    files: [],
    lost: [],
    skipped: 1,
  })
  expect(ledger.countDamaged(HERE).files).toBe(1)
})

/** Stores one fetched file. @param bytes what was fetched. */
async function store(
  ledger: Ledger,
  session: Partial<Session>,
  bytes = contentOf('a'),
  locks = createPathLocks(),
) {
  const directory = temporaryDirectory('fetched')
  writeFileSync(path.join(directory, '0'), bytes)
  const facts = { size: bytes.length, mtimeNs: 5n, mode: 0o640, user: 0, group: 0, more: null }
  writeFileSync(path.join(directory, '0.json'), JSON.stringify(encodeMetadata(facts)))
  const sent: string[] = []
  const own = fakeSession(session)
  const source = { id: SOURCE, name: 'data', path: '/data' }
  const result = await storeFetched(
    {
      ...{ ledger, id: HERE, name: 'nas', findSource: () => source, onBytes: () => undefined },
      hold: (one) => (locks.lock(one) ? () => locks.unlock(one) : null),
      session: () => ({
        ...own,
        sendSmall: (files, ...more) => {
          for (const file of files) sent.push(`${file.path} ${file.bytes} ${file.facts.mode.toString(8)}`)
          return own.sendSmall(files, ...more)
        },
      }),
    },
    directory,
    [{ file: damaged('a'), content: '0', facts: '0.json' }],
  )
  return { ...result, sent }
}

test('healing: a path that is being sent is left alone, and the path of a stored file is free afterwards', async () => {
  const ledger = open(['a'])
  ledger.offerDamaged(HERE, damaged('a'))
  const locks = createPathLocks()
  const path = { source: SOURCE, path: 'a' }
  locks.lock(path)
  const held = await store(ledger, proves(contentOf('a')), contentOf('a'), locks)
  expect(held).toEqual({ healed: [], failed: [[0, null]], sent: [] })
  locks.unlock(path)
  expect((await store(ledger, proves(contentOf('a')), contentOf('a'), locks)).healed).toEqual([0])
  expect(locks.lock(path)).toBe(true)
})

const proves = (bytes: Buffer): Partial<Session> => ({
  prove: async (_source, _path, _size, nonce) => ({
    kind: 'digest',
    digest: computeDigest(Buffer.concat([nonce, bytes])),
  }),
})

test('healing: a content that is stored and proven ends the finding, with the metadata of the other destination', async () => {
  const ledger = open(['a'])
  ledger.offerDamaged(HERE, damaged('a'))
  const { healed, failed, sent } = await store(ledger, proves(contentOf('a')))
  expect({ healed, failed, sent }).toEqual({ healed: [0], failed: [], sent: ['a content of a 640'] })
  expect(ledger.countDamaged(HERE).files).toBe(0)
})

test('healing: other content than the recorded one is never sent', async () => {
  const ledger = open(['a'])
  ledger.offerDamaged(HERE, damaged('a'))
  const { healed, failed, sent } = await store(ledger, proves(contentOf('a')), Buffer.from('content of b'))
  expect([healed, sent]).toEqual([[], []])
  expect(failed).toMatchObject([[0, { key: 'heal.otherContent' }]])
  expect(ledger.countDamaged(HERE).files).toBe(1)
})

test('healing: a destination that cannot prove the content keeps its finding', async () => {
  const ledger = open(['a'])
  ledger.offerDamaged(HERE, damaged('a'))
  const { healed, failed } = await store(ledger, proves(Buffer.from('something else')))
  expect(healed).toEqual([])
  expect(failed).toMatchObject([[0, { key: 'heal.notProven' }]])
  expect(ledger.countDamaged(HERE).files).toBe(1)
})

test('healing: a file that got newer content here is not sent', async () => {
  const ledger = open(['a'])
  ledger.offerDamaged(HERE, damaged('a'))
  ledger.offer(HERE, [
    { source: SOURCE, path: 'a', size: 3, mtimeNs: 7n, ctimeNs: 7n, inode: 77n, device: 1n },
  ])
  const { healed, failed, sent } = await store(ledger, proves(contentOf('a')))
  expect({ healed, failed, sent }).toEqual({ healed: [], failed: [], sent: [] })
})

test('healing: a file that left the queue because it is gone is healed, too', async () => {
  const ledger = open(['a'])
  send(ledger, HERE, ['b'], AT - 100, 9)
  send(ledger, OTHER, ['b'], AT - 100, 9)
  ledger.offerDamaged(HERE, damaged('b'))
  const [due] = ledger.take(HERE, SOURCE, 1, Date.now() + 1e12, new Set())
  if (due !== undefined) ledger.drop(due)
  expect(plan(ledger).files).toMatchObject([{ file: { path: 'b' }, from: [OTHER] }])
})
