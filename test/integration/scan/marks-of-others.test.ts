import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { canMount, type Undo } from '../../support/faults/mounts.ts'
import { hasOddFileSystems, mountExfat, mountNtfsWith } from '../../support/faults/odd-file-systems.ts'
import { DESTINATION, setUp } from '../../support/scan/set-up.ts'
import { until } from '../../support/until.ts'

type World = ReturnType<typeof setUp>

/** As a producer with umask 002 does: each file has the group-write bit from its birth. */
function produce(directory: string, names: readonly string[], mode = 0o664): void {
  mkdirSync(directory, { recursive: true })
  for (const name of names) {
    writeFileSync(path.join(directory, name), name)
    chmodSync(path.join(directory, name), mode)
  }
}

const getMarked = ({ scanner }: World) => scanner.scanned.get('s')?.marked ?? null
const names = (count: number) => Array.from({ length: count }, (_, index) => `file-${index}`)

async function sendsAll(world: World, files: readonly string[], root = world.root): Promise<void> {
  const { paths, sendAll } = world
  const wanted = files.map((name) => `DC1/${name}`).toSorted()
  await until('all files are offered', () => paths().join() === wanted.join())
  expect(existsSync(path.join(root, 'DC1/finished.watch'))).toBe(false)
  sendAll()
  await until('it is marked', () => existsSync(path.join(root, 'DC1/finished.watch')))
  expect(paths('sent')).toEqual(wanted)
  await until('nothing is asked', () => getMarked(world) === null)
}

describe('group-write bit in a batch source', () => {
  test('new files of a producer with umask 002 are sent, then their directory is marked', async () => {
    const world = setUp({ kind: 'batch' })
    world.configure()
    await world.watching()
    produce(path.join(world.root, 'DC1'), ['a', 'b', 'c'])
    writeFileSync(path.join(world.root, 'DC1/finished.parse'), '')
    await sendsAll(world, ['a', 'b', 'c'])
  })

  test('files of a producer with umask 002 that were written while no scanner ran are sent', async () => {
    const world = setUp({ kind: 'batch' })
    world.configure()
    await world.watching()
    await world.scanner.stop()
    produce(path.join(world.root, 'DC1'), ['a', 'b'])
    writeFileSync(path.join(world.root, 'DC1/finished.parse'), '')
    const again = setUp({ kind: 'batch' }, {}, world.directory)
    again.configure()
    await sendsAll(again, ['a', 'b'])
  })

  test('older files of a producer with umask 002 wait for a decision, and `send` sends all', async () => {
    const world = setUp({ kind: 'batch' })
    const files = names(1_000)
    produce(path.join(world.root, 'DC1'), files)
    // A name for as long as it is written, which its producer has left behind.
    produce(path.join(world.root, 'DC1'), ['left.tmp'])
    writeFileSync(path.join(world.root, 'DC1/finished.parse'), '')
    world.configure()
    await until('it is asked', () => getMarked(world)?.files === 1_001)
    expect(getMarked(world)).toMatchObject({ directories: ['DC1'] })
    await world.scanner.reconcile()
    expect(world.paths()).toEqual([])
    expect(existsSync(path.join(world.root, 'DC1/finished.watch'))).toBe(false)

    await world.scanner.answerMarked('s', 'send')
    await until('all wait', () => world.ledger.totals(DESTINATION).s?.waitingFiles === 1_001)
    world.sendAll()
    world.sendAll()
    await until('it is marked', () => existsSync(path.join(world.root, 'DC1/finished.watch')))
    await until('nothing is asked', () => getMarked(world) === null)
  })

  test('1,000 files marked by isocket are not sent, and `confirm` lets their directory be marked', async () => {
    const world = setUp({ kind: 'batch' })
    const files = names(1_000)
    produce(path.join(world.root, 'DC1'), files)
    produce(path.join(world.root, 'DC1'), ['unsent'], 0o644)
    // isocket has done with this one.
    produce(path.join(world.root, 'DC0'), [...names(10), 'finished.parse', 'finished.watch'])
    writeFileSync(path.join(world.root, 'DC1/finished.parse'), '')
    world.configure()
    await until('it is asked', () => getMarked(world)?.files === 1_010)
    await until('what is not marked is offered', () => world.paths().join() === 'DC1/unsent')
    world.sendAll()
    await world.scanner.reconcile()
    expect(existsSync(path.join(world.root, 'DC1/finished.watch'))).toBe(false)

    await world.scanner.answerMarked('s', 'confirm')
    await until('it is marked', () => existsSync(path.join(world.root, 'DC1/finished.watch')))
    expect(world.ledger.totals(DESTINATION).s).toMatchObject({ waitingFiles: 0, sentFiles: 1_011 })
    // Their digest is unknown: they are no proof of anything, and are never removed here.
    expect(world.ledger.removable(DESTINATION, 's', Date.now() + 1_000, 10).files).toEqual([])
    await until('nothing is asked', () => getMarked(world) === null)
  })

  test('a directory moved in with older marked files waits for a decision', async () => {
    const world = setUp({ kind: 'batch', batch: { prefix: 'DC' } })
    produce(path.join(world.root, 'staging'), ['a'])
    world.configure()
    await world.watching()
    renameSync(path.join(world.root, 'staging'), path.join(world.root, 'DC1'))
    await until('it is asked', () => getMarked(world)?.files === 1)
    expect(world.paths()).toEqual([])
  })
})

test('group-write bit: the scanner detects its support and leaves no test file behind', async () => {
  const world = setUp({ kind: 'batch' })
  const before = BigInt(Date.now() - 1_000) * 1_000_000n
  world.configure()
  await world.watching()
  expect(world.ledger.adoptedNs('s')).toBeGreaterThan(before)
  expect(readdirSync(world.root)).toEqual([])
})

describe.skipIf(!canMount || !hasOddFileSystems)(
  'file systems without a group-write bit (needs root)',
  () => {
    test.each([
      // The same as CIFS with file_mode=0777: chmod succeeds and changes nothing.
      ['exFAT', mountExfat],
      ['NTFS', (undo: Undo) => mountNtfsWith(undo, 'umask=0')],
      ['NTFS with umask 002', (undo: Undo) => mountNtfsWith(undo, 'umask=002')],
    ])('%s: all files are sent, older ones too, without a decision', async (_, mount) => {
      const root = await mount(onTestFinished)
      produce(path.join(root, 'DC1'), ['a', 'b'])
      expect(statSync(path.join(root, 'DC1/a')).mode & 0o020).toBe(0o020)
      const world = setUp({ kind: 'batch', path: root })
      world.configure()
      await until('those from before', () => world.paths().length === 2)
      writeFileSync(path.join(root, 'DC1/live'), 'live')
      writeFileSync(path.join(root, 'DC1/finished.parse'), '')
      await sendsAll(world, ['a', 'b', 'live'], root)
    })
  },
)
