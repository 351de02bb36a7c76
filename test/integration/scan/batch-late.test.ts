import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { DESTINATION, setUp } from '../../support/scan/set-up.ts'
import { until } from '../../support/until.ts'

type World = ReturnType<typeof setUp>

const OWN = { kind: 'batch', batch: { closedMark: 'RTAComplete.txt' } }

/** Writes files into a batch directory, which is made if necessary. */
function fill({ root }: World, name: string, ...files: string[]): void {
  mkdirSync(path.join(root, name), { recursive: true })
  for (const file of files) writeFileSync(path.join(root, name, file), file, { mode: 0o644 })
}

const isMarked = ({ root }: World, name: string) => existsSync(path.join(root, name, 'finished.watch'))
const said = ({ messages }: World, wanted: string) => messages().find(({ key }) => key === wanted)?.params

/** As the sender does, with isocket's mark on each file. */
function sendAndMark({ root, ledger, scanner }: World): void {
  const due = ledger.take(DESTINATION, 's', 1000, Date.now(), new Set())
  ledger.markSent(
    due.map((file) => ({ ...file, mark: true })),
    Date.now(),
  )
  const marked = due.map(({ id, generation, path: file }) => {
    chmodSync(path.join(root, file), 0o664)
    return { id, generation, ctimeNs: lstatSync(path.join(root, file), { bigint: true }).ctimeNs }
  })
  ledger.marksDone(marked)
  scanner.nudge()
}

/** A closed directory DC1 with two files that is sent and marked. */
async function markedDirectory(
  settings: Record<string, unknown>,
  closedMark = 'finished.parse',
): Promise<World> {
  const world = setUp({ kind: 'batch', ...settings })
  fill(world, 'DC1', 'one', 'two', closedMark)
  world.configure()
  await until('both are offered', () => world.paths().join() === 'DC1/one,DC1/two')
  sendAndMark(world)
  if (closedMark !== 'finished.parse') {
    await until('its mark is offered', () => world.paths('waiting').join() === `DC1/${closedMark}`)
    world.sendAll()
  }
  await until('it is marked', () => isMarked(world, 'DC1'))
  return world
}

describe('batch directories with a closing mark of their own', () => {
  test('two open directories are each closed by their mark alone, which is sent as the last file', {
    tags: 'story',
  }, async () => {
    const world = setUp(OWN)
    const { root, configure, scanner, paths, batches, sendAll } = world
    fill(world, 'run1', 'a')
    utimesSync(path.join(root, 'run1'), 1_700_000_000, 1_700_000_000)
    fill(world, 'run2', 'b')
    configure()
    await until('both are live', () => batches() === 'run1 live,run2 live')
    await until('both files are offered', () => paths().join() === 'run1/a,run2/b')
    sendAll()
    for (let count = 0; count < 4; count += 1) await scanner.reconcile()
    expect(isMarked(world, 'run1')).toBe(false)
    fill(world, 'run1', 'c', 'RTAComplete.txt')
    await until('the file is offered, not the mark', () => paths('waiting').join() === 'run1/c')
    sendAll()
    await until('the mark is offered', () => paths('waiting').join() === 'run1/RTAComplete.txt')
    expect(isMarked(world, 'run1')).toBe(false)
    sendAll()
    await until('it is marked', () => isMarked(world, 'run1'))
    expect(isMarked(world, 'run2')).toBe(false)
  })

  test('a file of the name of the closing mark in a deeper directory is like any other', async () => {
    const world = setUp(OWN)
    fill(world, 'run1/deeper', 'RTAComplete.txt')
    world.configure()
    await until('it is offered', () => world.paths().join() === 'run1/deeper/RTAComplete.txt')
    await until('it is live', () => world.batches() === 'run1 live')
  })
})

describe('the closing mark of its own of a marked directory, at a destination that is added', () => {
  const waitingAt = ({ ledger }: World) =>
    ledger
      .files(['second'], { source: 's', state: 'waiting', before: null, limit: 9 })
      .files.map((file) => file.path)
      .toSorted()
      .join()
  const sendAt = ({ ledger, scanner }: World) => {
    const due = ledger.take('second', 's', 1000, Date.now(), new Set())
    ledger.markSent(
      due.map((file) => ({ ...file, mark: false })),
      Date.now(),
    )
    scanner.nudge()
  }
  const add = async (world: World) => {
    world.scanner.configure({ ...world.config(), destinations: [DESTINATION, 'second'] })
    await until('both wait', () => /DC1.one,DC1.two$/.test(waitingAt(world)))
    await world.scanner.reconcile()
  }

  test('is sent after the other files', { tags: 'story' }, async () => {
    const world = await markedDirectory(OWN, 'RTAComplete.txt')
    await add(world)
    expect(waitingAt(world)).toBe('DC1/one,DC1/two')
    fill(world, 'DC1', 'late')
    await world.scanner.reconcile()
    expect(waitingAt(world)).toBe('DC1/late,DC1/one,DC1/two')
    sendAt(world)
    await world.scanner.reconcile()
    expect(waitingAt(world)).toBe('')
    world.sendAll()
    await until('the mark waits', () => waitingAt(world) === 'DC1/RTAComplete.txt')
  })

  test.each(['before', 'after'])('is sent when the program was restarted %s they were sent', async (when) => {
    const world = await markedDirectory(OWN, 'RTAComplete.txt')
    await add(world)
    await world.scanner.stop()
    if (when === 'after') sendAt(world)
    const again = setUp(OWN, {}, world.directory)
    again.scanner.configure({ ...again.config(), destinations: [DESTINATION, 'second'] })
    await until('it is watching', () => again.phase() === 'watching')
    if (when === 'before') {
      expect(waitingAt(again)).toBe('DC1/one,DC1/two')
      sendAt(again)
    }
    await until('the mark waits', () => waitingAt(again) === 'DC1/RTAComplete.txt')
  })
})

describe('files that are written to a marked batch directory', () => {
  test.each([
    ['isocket’s closing mark', 'finished.parse', {}],
    ['its own closing mark', 'RTAComplete.txt', { batch: { closedMark: 'RTAComplete.txt' } }],
  ])('are sent and reported, also those of a time when nobody watched: %s', async (_what, mark, settings) => {
    const world = await markedDirectory(settings, mark)
    const { directory, scanner, paths, batches } = world
    fill(world, 'DC1/InterOp', 'late')
    await until('it is offered', () => paths('waiting').join() === 'DC1/InterOp/late')
    await until('it is reported', () => said(world, 'scan.lateInBatch')?.count === 1)
    await until('it waits', () => batches() === 'DC1 closing')
    world.sendAll()
    await until('it is sent', () => batches() === 'DC1 sent')
    await scanner.stop()

    fill(world, 'DC1', 'CopyComplete.txt')
    appendFileSync(path.join(world.root, 'DC1/one'), 'changed')
    const again = setUp({ kind: 'batch', ...settings }, {}, directory)
    again.configure()
    await until('both are offered', () => again.paths('waiting').join() === 'DC1/CopyComplete.txt,DC1/one')
    await until('all three are reported', () => said(again, 'scan.lateInBatch')?.count === 3)
    expect(said(again, 'scan.lateInBatch')).toMatchObject({ names: 'DC1', mark: 'finished.watch' })
  })

  test('files that the filters no longer leave out are sent, and no longer reported as left out', {
    tags: 'story',
  }, async () => {
    const world = setUp({ kind: 'batch', ignore: ['*.log'] })
    fill(world, 'DC1', 'one', 'a.log', 'finished.parse')
    world.configure()
    await until('one is offered', () => world.paths().join() === 'DC1/one')
    world.sendAll()
    await until('it is reported', () => said(world, 'scan.leftInBatch')?.count === 1)
    world.configure({ ignore: [] })
    await until('the other is offered', () => world.paths('waiting').join() === 'DC1/a.log')
    await until('the session that sends it reports', () => world.batches() === 'DC1 closing')
    await until('it is not reported any more', () => said(world, 'scan.leftInBatch') === undefined)
  })
})

describe('a mark without a ledger behind it', () => {
  const loseLedger = async ({ directory, scanner }: World) => {
    await scanner.stop()
    for (const name of readdirSync(directory))
      if (name.startsWith('ledger')) rmSync(path.join(directory, name))
  }

  test('Holdfast’s own: all files are sent and reported, and no question is asked about their bits', async () => {
    const world = await markedDirectory({})
    fill(world, 'DC2', 'open')
    await until('the open one is offered', () => world.paths('waiting').join() === 'DC2/open')
    sendAndMark(world)
    await loseLedger(world)
    const again = setUp({ kind: 'batch' }, {}, world.directory)
    again.configure()
    await until('all are offered', () => again.paths('waiting').join() === 'DC1/one,DC1/two,DC2/open')
    await until('it is reported', () => said(again, 'scan.lateInBatch')?.count === 2)
    await until('it is compared', () => again.scanner.scanned.get('s')?.marked === null)
  })

  test.each(['confirm', 'send'] as const)(
    'isocket’s: its files await a decision, and what is written after it is sent: %s',
    {
      tags: 'story',
    },
    async (answer) => {
      const world = setUp({ kind: 'batch', maximumBytes: 1_000 })
      const marked = () => world.scanner.scanned.get('s')?.marked
      fill(world, 'DC1', 'one', 'x.tmp', 'finished.parse', 'finished.watch')
      writeFileSync(path.join(world.root, 'DC1/large'), Buffer.alloc(2_000), { mode: 0o644 })
      const markedAt = lstatSync(path.join(world.root, 'DC1/finished.watch'), { bigint: true }).ctimeNs
      await until('the clock of the disk has moved', () => {
        fill(world, 'DC1', 'late')
        return lstatSync(path.join(world.root, 'DC1/late'), { bigint: true }).ctimeNs > markedAt
      })
      world.configure()
      await until('the late one is offered', () => world.paths().join() === 'DC1/late')
      await until('the others are reported', () => marked()?.files === 2)
      expect(marked()?.directories).toEqual(['DC1'])
      await until('so is the late one', () => said(world, 'scan.lateInBatch')?.count === 1)
      await world.scanner.reconcile()
      expect([marked()?.files, world.paths().join()]).toEqual([2, 'DC1/late'])

      await world.scanner.answerMarked('s', answer)
      const state = answer === 'send' ? 'waiting' : 'sent'
      const decided = answer === 'send' ? 'DC1/late,DC1/one,DC1/x.tmp' : 'DC1/one,DC1/x.tmp'
      await until('they are decided', () => world.paths(state).join() === decided)
      await until('nothing is asked', () => marked() === null)
      expect(said(world, 'scan.lateInBatch')?.count).toBe(1)
    },
  )

  test('a destination that is added gets the files of marked directories, which are not late', async () => {
    const world = await markedDirectory({})
    const { scanner, config, ledger } = world
    scanner.configure({ ...config(), destinations: [DESTINATION, 'second'] })
    const waiting = () =>
      ledger.files(['second'], { source: 's', state: 'waiting', before: null, limit: 9 }).files.length
    await until('both wait', () => waiting() === 2)
    expect(said(world, 'scan.lateInBatch')).toBeUndefined()
  })
})
