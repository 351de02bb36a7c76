import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { holdfast, untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const PATTERN = '{YYYY}{MM}{DD}-{HH}{mm}.dat'
const MINUTE_MS = 60_000

/** An agent that expects a file every five minutes, and has not looked for 17 minutes. */
async function startLateAgent() {
  const root = path.join(temporaryDirectory('expected'), 'station')
  const data = temporaryDirectory('expected-data')
  mkdirSync(root)
  // A file was due in this minute, and the next one is due four minutes later at the earliest.
  const withinMinutes = new Date().getUTCMinutes() % 5
  const expected = [{ pattern: PATTERN, everyMinutes: 5, withinMinutes, zone: 'UTC' }]
  const settings = { version: 1, sources: [{ id: 'one', path: root, name: 'station', expected }] }
  writeFileSync(path.join(data, 'settings.json'), JSON.stringify(settings))
  const ledger = openLedger(path.join(data, 'ledger.db'))
  const since = Date.now() - 17 * MINUTE_MS
  ledger.rememberJudged('one', { [PATTERN]: { timetable: `5 ${withinMinutes} UTC`, since, until: since } })
  ledger.close()
  startHoldfast(['agent', '--data', data])
  return { root, data }
}

const listed = async (data: string, ...words: string[]) =>
  JSON.parse(await holdfast(['folders', 'expected', 'station', ...words, '--json', '--data', data]))
    .files as {
    path: string
    due: number
    arrivedAt: number | null
  }[]

test('expected files: a missing file is an incident that names it and ends when the file comes', async () => {
  const { root, data } = await startLateAgent()
  const failing = await untilState(data, 'a missing file', ({ sources }) =>
    sources.some(({ scanned }) => (scanned?.expected?.[0]?.failing ?? 0) >= 3),
  )
  const last = failing.sources[0]?.scanned?.expected?.[0]?.newest[0]?.path ?? ''
  expect(last).toMatch(/^\d{8}-\d{4}\.dat$/)
  await untilState(
    data,
    'its incident, and the status',
    ({ incidents, status }) =>
      incidents.some(({ kind, endedAt }) => kind === 'expected' && endedAt === null) &&
      status.level === 'attention' &&
      status.sentence.key === 'status.expected',
  )
  const incidents = () => holdfast(['failures', '--data', data])
  await until('the list of incidents', async () => (await incidents()).includes(`come to station: ${last}, `))

  const before = await listed(data)
  expect(before.length).toBeGreaterThanOrEqual(3)
  expect(before.every(({ arrivedAt }) => arrivedAt === null)).toBe(true)
  expect(before[0]?.path).toBe(last)

  // The incident lasts if only the delay changes, and what was due stays due.
  const expectFiles = (...words: string[]) =>
    holdfast(['folders', 'expect', root, ...words, '--pattern', PATTERN, '--data', data])
  await expectFiles('--within', '2h')
  await untilState(data, 'the rule with its other delay, which still fails', ({ sources }) =>
    sources.some(({ settings, scanned }) => {
      const [state] = scanned?.expected ?? []
      return (
        settings.expected[0]?.withinMinutes === 120 && state?.newest[0]?.path === last && state.failing >= 3
      )
    }),
  )
  expect(await listed(data)).toEqual(before)
  expect(await holdfast(['failures', '--lasting', '--data', data])).toContain(`come to station: ${last}, `)

  writeFileSync(path.join(root, last), 'data')
  await untilState(data, 'the end of the incident', ({ incidents }) =>
    incidents.every(({ kind, endedAt }) => kind !== 'expected' || endedAt !== null),
  )
  await until('the files that are still missing', async () =>
    (await incidents()).includes(`${last} has come to station. `),
  )
  expect(await incidents()).toContain(`still missing: ${before[1]?.path}, `)
  const events = async () =>
    (await holdfast(['events', '--type', 'incident.ended', '--json', '--data', data])).split('\n')
  await until('the event of the end', async () =>
    (await events()).some((line) => line.includes(`"sentence":"${last} has come to station. `)),
  )
  const [come] = await listed(data)
  expect(come?.due).toBe(before[0]?.due)
  expect(come?.arrivedAt).toBeGreaterThan(come?.due ?? 0)
  expect(await holdfast(['folders', 'expected', '--missing', '--data', data])).toMatch(
    /late by \d.+station +\d{8}-\d{4}\.dat/,
  )
  const list = startHoldfast(['folders', 'expected', '--data', data], { TZ: 'Asia/Taipei' })
  expect(await list.ended()).toBe(0)
  const dues = list.out().match(/\d{4}-\d\d-\d\dT\d\d:\d\d:00\S*/g) ?? []
  expect(dues.length).toBeGreaterThanOrEqual(4)
  expect(dues.filter((due) => !due.endsWith('+08:00'))).toEqual([])
  expect(list.out()).toContain(`, due by ${dues.at(-1)}\n`)
  await expectFiles('--remove')
  await until('the list without its rule', async () =>
    (await listed(data, '--missing')).some(({ path: one }) => one === before[1]?.path),
  )
})

test('expected files: another time zone ends the incident of a missing file, which nothing that came did', async () => {
  const { root, data } = await startLateAgent()
  await untilState(data, 'the incident of a missing file', ({ incidents }) =>
    incidents.some(({ kind }) => kind === 'expected'),
  )
  await holdfast(['folders', 'expect', root, '--zone', 'Asia/Taipei', '--pattern', PATTERN, '--data', data])
  await untilState(data, 'the end of the incident', ({ incidents }) =>
    incidents.every(({ kind, endedAt }) => kind !== 'expected' || endedAt !== null),
  )
  const list = () => holdfast(['failures', '--data', data])
  const end =
    /\d files had not come to station when the rule for them was changed or removed\. The last one was \d{8}-\d{4}\.dat/
  await until('the end in the list of incidents', async () => end.test(await list()))
  expect(await list()).not.toContain('has come to station')
})

test('expected files: rules are added, changed, listed and removed by commands, and impossible ones refused', async () => {
  const root = path.join(temporaryDirectory('expected'), 'station')
  const data = temporaryDirectory('expected-data')
  mkdirSync(root)
  startHoldfast(['agent', '--data', data, root])
  await untilState(data, 'the source', ({ sources }) => sources.length === 1)
  const expectFiles = (...words: string[]) => holdfast(['folders', 'expect', root, ...words, '--data', data])

  const added = await expectFiles('--pattern', '{YYYY}{DOY}{HH}*.rnx', '--every', '1h', '--zone', 'UTC')
  expect(added).toContain('expects {YYYY}{DOY}{HH}*.rnx every 1 hr, within 10 min, UTC')
  expect(added).toMatch(/\n *next: \d{9}\*\.rnx, due by /)
  const changed = await expectFiles('--pattern', '{YYYY}{DOY}{HH}*.rnx', '--within', '2h', '--min-size', '1K')
  expect(changed).toContain('every 1 hr, within 2 hr, at least 1 KiB, UTC')
  // The file that the agent expects next is due, not one of the hours before the rule was added.
  const due = /, due by (\S+)/.exec(
    await expectFiles('--pattern', '{YYYY}{DOY}{HH}*.rnx', '--within', '10m'),
  )?.[1]
  expect(Date.parse(due ?? '')).toBeGreaterThan(Date.now())
  expect(await expectFiles('--every', '1d')).toContain('expects * every 1 day')
  await until('the next file of each rule', async () =>
    /No expected file has been due yet\.\nnext in station: \d{9}\*\.rnx, due by .*\nnext in station: \*, due by /.test(
      await holdfast(['folders', 'expected', '--data', data]),
    ),
  )
  expect(await expectFiles('--pattern', '{YYYY}{DOY}{HH}*.rnx', '--remove')).not.toContain('rnx')

  expect(await holdfast(['folders', 'expected', '--help'])).toContain('30d (default), or 2026-11-20\n')

  const refusals: [string[], string][] = [
    [['--every', '7h'], 'divides a day'],
    [['--every', '1h', '--within', 'soon'], 'It must be whole minutes'],
    [['--every', '1h', '--within', '-5m'], 'It must be whole minutes'],
    [['--every', '1h', '--within', '10'], 'It must be whole minutes'],
    [['--every', '1h', '--zone', 'Mars/Base'], 'time zone such as UTC'],
    [['--every', '1h', '--pattern', '{YYYY}{DOY}.rnx'], 'Add {HH}'],
    [['--every', '1h', '--pattern', '{YEAR}.rnx'], '{YEAR}'],
    [['--every', '1h', '--pattern', 'ABCD{YYYY'], 'A brace in ABCD{YYYY is unclosed'],
    [['--every', '1h', '--pattern', `${root}/{YYYY}{DOY}{HH}.rnx`], 'Give only the name of the file'],
    [['--every', '1h', '--pattern', '*.rnx '], 'Write it without: *.rnx'],
    [['--every', '1h', '--pattern', 'ABCD{DOY}{HH}.tmp'], 'leave out ABCD'],
    [['--every', '1h', '--pattern', ''], 'It must not be empty'],
    [['--every', '1h', '--pattern', 'ABCD%Y%b%d.rnx'], '%b in ABCD%Y%b%d.rnx is not a part'],
    [['--pattern', '/elsewhere/20261129.rnx'], 'is not a path in the protected folder'],
    [['--pattern', '../20261129.rnx'], 'is not a path in the protected folder'],
    [['--pattern', 'other.rnx', '--remove'], 'Nothing with the pattern other.rnx'],
    [['--remove', '--every', '1h'], "'--remove' cannot be used with option '--every"],
    [['--remove', '--within', '3m'], "'--remove' cannot be used with option '--within"],
    [['--remove', '--zone', 'UTC'], "'--remove' cannot be used with option '--zone"],
  ]
  for (const [words, reason] of refusals) {
    const command = startHoldfast(['folders', 'expect', root, ...words, '--data', data])
    expect(await command.ended(), reason).not.toBe(0)
    expect(command.err()).toContain(reason)
  }

  await expectFiles('--every', '1d', '--pattern', 'sky{YYYY}{DOY}.dat')
  const filter = (pattern: string) =>
    startHoldfast(['folders', 'change', root, '--ignore', pattern, '--data', data])
  const left = filter('*.dat')
  expect(await left.ended()).not.toBe(0)
  expect(left.err()).toMatch(/leave out sky\d{7}\.dat/)
  expect(await filter('*.log').ended()).toBe(0)
})

test('expected files: a rule is proposed by the example of a file, shown, and saved by the command that is shown', async () => {
  const root = path.join(temporaryDirectory('expected'), 'station')
  const data = temporaryDirectory('expected-data')
  mkdirSync(root)
  const names = Array.from({ length: 30 }, (_, index) => {
    const begin = new Date((Math.floor(Date.now() / 3_600_000) - 1 - index) * 3_600_000)
    return { name: `ABCD_${begin.toISOString().slice(0, 13).replace(/[-T]/g, '')}.dat`, begin }
  })
  for (const { name, begin } of names) {
    writeFileSync(path.join(root, name), 'data')
    const ended = begin.getTime() / 1_000 + 3_600 + 20 * 60
    utimesSync(path.join(root, name), ended, ended)
  }
  writeFileSync(path.join(root, 'a\nb\u202E_20261129.txt'), 'data')
  const expectFiles = (...words: string[]) => holdfast(['folders', 'expect', root, ...words, '--data', data])
  const added = startHoldfast(['folders', 'add', root, '--data', data])
  expect(await added.ended()).toBe(0)
  const alone = startHoldfast(['folders', 'expect', root, '--pattern', names[0]?.name ?? '', '--data', data])
  expect(await alone.ended()).not.toBe(0)
  expect(alone.err()).toContain('While the agent runs, Holdfast proposes it.')

  startHoldfast(['agent', '--data', data])
  await untilState(data, 'the files', ({ sources }) => sources[0]?.scanned?.compared === true)
  const asked = ['--pattern', path.join(root, names[0]?.name ?? ''), '--json']
  await until('all files in the ledger', async () => JSON.parse(await expectFiles(...asked)).known === 31)
  const proposed = JSON.parse(await expectFiles(...asked))
  const pattern = 'ABCD_{YYYY}{MM}{DD}{HH}.dat'
  expect(proposed.rule).toMatchObject({ pattern, everyMinutes: 60, withinMinutes: 30 })
  expect(proposed.matching).toBe(30)
  expect(proposed.last.map((one: { path: string }) => one.path)).toEqual(
    names.slice(0, 5).map(({ name }) => name),
  )
  expect(proposed.next).toHaveLength(3)
  expect((await untilState(data, 'no rule', () => true)).settings.sources[0]?.expected).toEqual([])

  const shown = await expectFiles('--pattern', names[3]?.name ?? '')
  expect(shown).toContain('30 of the newest 31 files match, the last of them:')
  const command = /Not saved\. To save this rule: \S+ (folders expect .*)/.exec(shown)?.[1] ?? ''
  const words = command.split(' ').map((word) => word.replace(/^'(.*)'$/, '$1'))
  expect(command).toContain(` --data ${data}`)
  const saved = await holdfast(words)
  expect(saved).toContain(`expects ${pattern} every 1 hr, within 30 min`)

  const hostile = await expectFiles('--pattern', 'a\nb\u202E_20261129.txt')
  expect(hostile).toContain('expects a?b?_{YYYY}{MM}{DD}.txt every 1 day')
  expect(hostile).not.toContain('\u202E')

  const converted = await expectFiles('--pattern', 'abcd_%Y%m%d%H.dat', '--every', '1h', '--zone', 'UTC')
  expect(converted).toContain('expects abcd_{YYYY}{MM}{DD}{HH}.dat every 1 hr')
  expect(converted).toContain('30 files match if upper and lower case are ignored, such as: ABCD_')
  expect(await expectFiles('--pattern', 'abcd_%Y%m%d%H.dat', '--remove')).not.toContain('abcd_')
})
