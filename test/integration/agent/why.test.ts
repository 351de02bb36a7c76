import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { explanationSchema } from '../../../core/agent/parts/sources/contract.ts'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { getDataLayout } from '../../../core/settings/data-directory.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { holdfast, pairWith, startReceiver, untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { canMount, mountHung, mountTmpfs } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const HOUR_MS = 3_600_000

/** An agent with a source, and a receiver on loopback, which counts as this computer. */
async function setUp() {
  const nas = await startReceiver('nas')
  const data = temporaryDirectory('why-data')
  const source = path.join(temporaryDirectory('why'), 'photos')
  mkdirSync(source)
  await pairWith(nas, data, 'pc')
  const write = (name: string, content = name) => {
    const file = path.join(source, name)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, content)
    const at = new Date(Date.now() - HOUR_MS)
    utimesSync(file, at, at)
    return file
  }
  const why = async (file: string) => {
    const command = startHoldfast(['why', file, '--data', data])
    const code = await command.ended()
    expect(command.err()).toBe('')
    return { code, out: command.out() }
  }
  return { data, source, write, why }
}

test('`holdfast why`: a sent, an open, an excluded, a linked, a removed and an unknown file', {
  tags: 'story',
}, async () => {
  const { data, source, write, why } = await setUp()
  const sent = write('2026/a.raw')
  const gone = write('2026/b.raw')
  const log = write('x.log')
  startHoldfast(['agent', '--data', data])
  await untilState(data, 'the agent', () => true)
  await holdfast(['folders', 'add', source, '--ignore', '*.log', '--data', data])
  await untilState(data, 'the files', ({ totals }) => totals.sentFiles === 2)

  const safe = await why(sent)
  expect(safe.code).toBe(0)
  expect(safe.out).toMatch(/^ {2}nas: has it since \d\d:\d\d \(10 B\)$/m)
  expect(safe.out).toContain('restore --from')

  const leftOut = await why(log)
  expect(leftOut.code).toBe(1)
  expect(leftOut.out).toContain('left out by the ignore pattern *.log')
  expect(leftOut.out).toContain(`folders change ${source} --no-ignore --data`)

  const writer = openSync(path.join(source, 'open'), 'w')
  const open = await why(path.join(source, 'open'))
  expect(open.out).toContain('a program has it open for writing')
  closeSync(writer)

  symlinkSync(sent, path.join(source, 'link'))
  expect((await why(path.join(source, 'link'))).out).toContain(`leads to ${sent}`)
  const outer = path.join(temporaryDirectory('why-link'), 'outer')
  symlinkSync(source, outer)
  expect((await why(path.join(outer, '2026/a.raw'))).code).toBe(0)

  rmSync(gone)
  const removed = await why(gone)
  expect(removed.code).toBe(1)
  expect(removed.out).toContain('No longer here. It is kept at its destination.\n  nas: has it since')
  expect(removed.out).toContain('photos/2026/b.raw --in-place --missing-only')
  const all = await until('the removed file is recorded', async () => {
    const answer = await why(path.join(source, '2026'))
    return answer.out.includes('1 sent file is no longer here') && answer
  })
  expect(all.code).toBe(0)
  expect(all.out).toContain('1 sent, 0 to be sent')

  expect((await why(path.join(source, 'nothing'))).out).toContain('none of this name was sent')
  const outside = await why('/etc/hosts')
  expect(outside.code).toBe(1)
  expect(outside.out).toContain('holdfast folders add /etc --data')
})

test('`holdfast why`: a waiting, a parked and an oddly named file', async () => {
  const { data, source, write, why } = await setUp()
  const file = write('a\nb')
  const parked = write('parked')
  writeFileSync(Buffer.concat([Buffer.from(`${source}/odd`), Buffer.from([0xff])]), 'odd')
  startHoldfast(['agent', '--data', data])
  await untilState(data, 'the agent', () => true)
  await holdfast(['folders', 'pause', '--data', data])
  await holdfast(['folders', 'add', source, '--data', data])
  await untilState(data, 'the files', ({ totals }) => totals.waitingFiles === 2)
  const waits = await why(file)
  expect(waits.code).toBe(1)
  expect(waits.out.split('\n')[0]).toBe(`${source}/a\\x0ab`)
  expect(waits.out).toContain('nas: does not have it yet\n    Sending is paused.')
  expect(waits.out).toContain('holdfast folders resume --data')

  const ledger = openLedger(getDataLayout(data).ledger)
  const [destination = ''] = ledger.destinations()
  const [row] = ledger.rowsOf(
    [destination],
    (await untilState(data, 'it', () => true)).sources[0]?.settings.id ?? '',
    'parked',
  )
  ledger.park({ id: row?.id ?? 0, generation: 1 }, message('transfer.tooLarge', { path: parked, size: 6 }))
  ledger.close()
  const json = startHoldfast(['why', parked, '--json', '--data', data])
  expect(await json.ended()).toBe(1)
  expect(explanationSchema.parse(JSON.parse(json.out()))).toMatchObject({
    verdict: 'parked',
    places: [{ state: 'parked', detail: { key: 'transfer.tooLarge' } }],
    steps: [{ command: `holdfast folders retry ${source}` }],
  })
  expect((await why(`${source}/odd\uFFFD`)).out).toContain('name is not valid UTF-8')
})

test('`holdfast why`, no agent runs: the ledger and the disk answer, and waiting files wait for its start', {
  tags: 'story',
}, async () => {
  const { data, source, write, why } = await setUp()
  const sent = write('a')
  await holdfast(['folders', 'add', source, '--data', data])
  const before = await why(sent)
  expect(before.code).toBe(1)
  expect(before.out).toContain('Not sent yet.')

  const agent = startHoldfast(['agent', '--data', data])
  await untilState(data, 'the file', ({ totals }) => totals.sentFiles === 1)
  agent.child.kill('SIGTERM')
  await agent.ended()

  const safe = await why(sent)
  expect(safe.code).toBe(0)
  expect(safe.out).toMatch(/^ {2}nas: has it since \d\d:\d\d \(1 B\)$/m)
  expect(safe.out).not.toContain('not running')
  const waits = await why(write('b'))
  expect(waits.code).toBe(1)
  expect(waits.out).toContain('Holdfast is not running: nothing is sent now.\n  nas: does not have it yet')
  expect(waits.out).toContain(`To start Holdfast:\n  holdfast agent --data ${data}`)
  rmSync(sent)
  expect((await why(sent)).out).toContain('No longer here. It is kept at its destination.')
  expect((await why('/etc/hosts')).out).toContain('Not protected')
})

test('`holdfast why` in a data folder that does not exist: creates none', async () => {
  const data = path.join(temporaryDirectory('why-typo'), 'typo')
  const command = startHoldfast(['why', '/etc/hosts', '--data', data])
  expect(await command.ended()).toBe(1)
  expect(command.err()).toContain(data)
  expect(existsSync(data)).toBe(false)
})

describe.skipIf(!canMount)('`holdfast why`, no agent runs (mounting needs root)', () => {
  test('a file on a disk that is not mounted is unknown, not gone', async () => {
    const { data, why } = await setUp()
    const disk = await mountTmpfs(onTestFinished)
    const file = path.join(disk.point, 'a')
    writeFileSync(file, 'a')
    await holdfast(['folders', 'add', disk.point, '--data', data])
    const agent = startHoldfast(['agent', '--data', data])
    await untilState(data, 'the file', ({ totals }) => totals.sentFiles === 1)
    agent.child.kill('SIGTERM')
    await agent.ended()
    await disk.unmount()
    const { code, out } = await why(file)
    expect(code).toBe(1)
    expect(out).toContain(`nothing is mounted at ${disk.point}`)
    expect(out).not.toContain('--in-place')
  })

  test('a disk that hangs is told within seconds', async () => {
    const { data, source, why } = await setUp()
    const hung = await mountHung(onTestFinished)
    await holdfast(['folders', 'add', source, '--data', data])
    const settings = openSettings(data, 'refuse')
    settings.set({
      ...settings.get(),
      sources: settings.get().sources.map((one) => ({ ...one, path: hung.point })),
    })
    const inside = await why(path.join(hung.point, 'a'))
    expect(inside).toMatchObject({ code: 1, out: expect.stringContaining('its disk does not answer') })
    settings.set({ ...settings.get(), sources: [] })
    const outside = await why(path.join(hung.point, 'a'))
    expect(outside).toMatchObject({ code: 1, out: expect.stringContaining('Not protected') })
  })

  test('changes about a disk that hangs end within seconds', { tags: 'story' }, async () => {
    const data = temporaryDirectory('hung-data')
    const source = temporaryDirectory('hung-source')
    const hung = await mountHung(onTestFinished)
    await holdfast(['folders', 'add', source, '--data', data])
    for (const [words, said] of [
      [['folders', 'add', hung.point], 'did not respond in time'],
      [['destinations', 'add', 'folder', hung.point], 'did not respond in time'],
      [['failures', 'mute', path.join(hung.point, 'a')], 'neither a protected folder nor a checked path'],
      [['folders', 'pause', path.join(hung.point, 'a')], 'is not a protected folder'],
    ] as const) {
      const command = startHoldfast([...words, '--data', data])
      expect(await command.ended(40_000)).toBe(1)
      expect(command.err()).toContain(said)
    }
  })
})
