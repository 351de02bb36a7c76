// Damage that is found and repaired: people read which files it was, programs get events, and the report counts each once.
import { appendFileSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import { untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const LONG_MS = 90_000
vi.setConfig({ testTimeout: LONG_MS * 3 })

const NAMES = Array.from({ length: 14 }, (_, index) => `file-${String(index).padStart(2, '0')}`)

function flipBit(file: string): void {
  const { atime, mtime } = statSync(file)
  const bytes = readFileSync(file)
  bytes[0] = (bytes[0] ?? 0) ^ 1
  writeFileSync(file, bytes)
  utimesSync(file, atime, mtime)
}

/** A source whose files are at two folders. */
async function startWithTwo() {
  const [data, source] = [temporaryDirectory('damage-data'), temporaryDirectory('damage-source')]
  for (const name of NAMES) writeFileSync(path.join(source, name), `content of ${name}`)
  const folders = ['first', 'second'].map((name) => ({ name, path: temporaryDirectory(`damage-${name}`) }))
  for (const folder of folders) mkdirSync(path.join(folder.path, '.holdfast'))
  writeFileSync(
    path.join(data, 'settings.json'),
    JSON.stringify({
      sources: [{ id: 's', path: source, name: 'data' }],
      destinations: folders.map(({ name, path: place }) => ({ id: name, kind: 'folder', name, path: place })),
      send: { retrySeconds: 1 },
      check: { intervalSeconds: 1 },
    }),
  )
  startHoldfast(['agent', '--data', data])
  const run = async (...words: string[]) => {
    const command = startHoldfast([...words, '--data', data])
    return { code: await command.ended(LONG_MS), out: command.out() + command.err() }
  }
  const isAt = (count: 'sentFiles' | 'deletedFiles', files: number) =>
    untilState(
      data,
      `${files} ${count} at both`,
      ({ destinations }) =>
        destinations.length === 2 && destinations.every(({ totals }) => totals[count] === files),
      LONG_MS,
    )
  await until('the agent', async () => (await run('status')).code !== 2, LONG_MS)
  await isAt('sentFiles', NAMES.length)
  const at = (folder: 0 | 1, name: string) => path.join(folders[folder]?.path ?? '', hostname(), 'data', name)
  const untilRepaired = () =>
    untilState(
      data,
      'no damage to be left',
      ({ destinations }) =>
        destinations.every(({ damaged, totals }) => damaged === undefined && totals.waitingFiles === 0),
      LONG_MS,
    )
  const getLog = () => readFileSync(path.join(data, 'logs', 'agent.log'), 'utf8')
  const getHealed = async () => {
    const day = new Date().toLocaleDateString('sv-SE')
    const { proofs } = JSON.parse((await run('report', '--from', day, '--to', day, '--json')).out)
    const first = proofs.find((one: { destination: { name: string } }) => one.destination.name === 'first')
    const { samples, verified, healed } = first
    return [samples.damaged + samples.missing + verified.damaged + verified.missing, healed.files]
  }
  return { ...{ source, run, isAt, at, untilRepaired, getLog, getHealed } }
}

test('damage: prove names the files, the log states each repair, and a file from elsewhere has an event', async () => {
  const { source, run, isAt, at, untilRepaired, getLog, getHealed } = await startWithTwo()
  rmSync(path.join(source, 'file-00'))
  await isAt('deletedFiles', 1)
  for (const name of NAMES) flipBit(at(0, name))
  const found = await run('verify', '--sample', 'first')
  expect(found.code, found.out).toBe(1)
  expect(found.out.match(/data\/file-\d\d is damaged/g)).toHaveLength(10)
  expect(found.out).toContain('4 more files are damaged or missing.')
  await untilRepaired()
  await until('the log to name each repair', () => {
    const log = getLog()
    const sentAgain = NAMES.slice(1).map((name) => `data/${name} was damaged at first, and was sent again`)
    return [...sentAgain, 'data/file-00 was damaged at first, and was fetched from second'].every((line) =>
      log.includes(line),
    )
  })
  const events = (await run('events', '--type', 'file.durable', '--since', 'beginning', '--json')).out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(events.filter(({ data }) => data.healed).map(({ subject }) => subject)).toEqual(['data/file-00'])
  expect(await getHealed()).toEqual([NAMES.length, NAMES.length])

  // A verification and a round of samples that overlap.
  flipBit(at(0, 'file-05'))
  flipBit(at(0, 'file-00'))
  const [verified, proven] = await Promise.all([
    run('verify', 'first'),
    run('verify', '--sample', 'first', '--json'),
  ])
  expect([verified.code, proven.code]).toContain(1)
  // The agent's state shows the damage a moment later.
  await until('both repairs', async () => (await getHealed())[1] === NAMES.length + 2, LONG_MS)
  await untilRepaired()
  await run('verify', 'first')
  expect(await getHealed()).toEqual([NAMES.length + 2, NAMES.length + 2])

  // A copy that a person repairs.
  const copy = readFileSync(at(0, 'file-00'))
  for (const folder of [0, 1] as const) flipBit(at(folder, 'file-00'))
  const lost = await run('verify', '--sample', 'first', '--json')
  expect(JSON.parse(lost.out)).toMatchObject({
    damaged: 1,
    found: [{ path: 'data/file-00', finding: 'damaged' }],
  })
  await run('verify', 'second')
  await until('the log to name the lost file', () =>
    getLog().includes('data/file-00 is damaged or missing at first. It is no longer here'),
  )
  writeFileSync(at(0, 'file-00'), copy)
  expect((await run('verify', 'first')).code).toBe(0)
  expect(await getHealed()).toEqual([NAMES.length + 3, NAMES.length + 3])

  // A copy that is longer than what was sent.
  appendFileSync(at(0, 'file-01'), 'more')
  const longer = await run('verify', 'first')
  expect(longer.code, longer.out).toBe(1)
  await untilRepaired()
})
