import { appendFileSync, copyFileSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { askAgent } from '../../support/agent/answers.ts'
import { holdfast, untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree } from '../../support/trees.ts'
import { until } from '../../support/until.ts'

// A source is held and searched for ten seconds before a person is asked (scan/reconcile/mass-change-guard.ts): that is waited for
// several times, with a start of the agent between.
vi.setConfig({ testTimeout: 180_000 })

const FILES = 60
const EMPTIED = 40

const heldOnes = ({ incidents }: AppState) =>
  incidents.filter(({ kind, endedAt }) => kind === 'emptied' && endedAt === null)
const isHeld = (state: AppState) => heldOnes(state).length === 1
const findTotals = ({ sources }: AppState, name: string) =>
  sources.find(({ settings }) => settings.name === name)?.totals
const isCounted = (state: AppState, name: string, sent: number, waiting: number) => {
  const { sentFiles, waitingFiles } = findTotals(state, name) ?? {}
  return sentFiles === sent && waitingFiles === waiting
}
const isSent = (state: AppState, name: string, files: number) => isCounted(state, name, files, 0)

function fill(directory: string): string[] {
  mkdirSync(directory)
  const names = Array.from({ length: FILES }, (_, index) => `run-${String(index).padStart(2, '0')}`)
  return names.map((name) => {
    writeFileSync(path.join(directory, name), `what ${name} has measured`)
    return path.join(directory, name)
  })
}

/** Rotated logs, appended ones, a few edits, and one file that is emptied. */
function usualWork(files: readonly string[]): void {
  for (const file of files.slice(0, 30)) {
    copyFileSync(file, `${file}.1`)
    truncateSync(file, 0)
  }
  for (const file of files.slice(30, 50)) appendFileSync(file, 'and more')
  for (const file of files.slice(50, 55)) writeFileSync(file, 'edited')
  truncateSync(files[59] ?? '', 0)
}

async function findDirectory(name: string, below: string): Promise<string> {
  const found = await readdir(below, { recursive: true })
  return path.join(below, found.find((one) => path.basename(one) === name) ?? name)
}

test('emptied files: many at once are held until a person restores or sends them; normal work is not held', async () => {
  const data = temporaryDirectory('emptied')
  const parent = temporaryDirectory('emptied-sources')
  const [runs, logs] = [path.join(parent, 'runs'), path.join(parent, 'logs')]
  const [files, logFiles] = [fill(runs), fill(logs)]
  const before = readTree(runs)
  const agent = startHoldfast(['agent', '--data', data, runs, logs])
  const { destinations, sources } = await untilState(data, 'all to be sent', (state) =>
    ['runs', 'logs'].every((name) => isSent(state, name, FILES)),
  )
  const copies = await findDirectory('runs', destinations[0]?.address ?? '')
  const id = sources.find(({ settings }) => settings.name === 'runs')?.settings.id ?? ''

  usualWork(logFiles)
  for (const file of files.slice(0, EMPTIED)) truncateSync(file, 0)
  const held = await untilState(data, 'it to be held', isHeld)
  const heldAt = Date.now()
  expect(held.status).toMatchObject({ level: 'failing', sentence: { key: 'status.emptied' } })
  expect(heldOnes(held)).toMatchObject([{ sources: [id], paths: { [`emptied:${id}`]: 'runs' } }])
  writeFileSync(path.join(runs, 'new'), 'a new one')
  expect(await holdfast(['folders', '--data', data])).toMatch(/40 of 6[01] files of runs/)

  // Also another start knows it, and sends nothing.
  agent.child.kill('SIGTERM')
  await agent.ended()
  startHoldfast(['agent', '--data', data])
  await untilState(data, 'it to be held still, without the new one', (state) => {
    return isHeld(state) && isCounted(state, 'runs', FILES - EMPTIED + 1, EMPTIED)
  })
  // What was lost would have gone by then, as the one emptied log does.
  await untilState(data, 'the logs to be sent', (state) => isSent(state, 'logs', FILES + 30))
  await until('so long', () => Date.now() > heldAt + 11_000)
  expect(readTree(copies)).toEqual({ ...before, new: readTree(runs).new })

  // Once all is back it goes on by itself.
  const ask = askAgent(data)
  expect(await ask('bringBack', { id })).toEqual({ done: true })
  const back = await untilState(data, 'all to be well again', (state) => {
    return heldOnes(state).length === 0 && isSent(state, 'runs', FILES + 1)
  })
  expect(back.restore).toMatchObject({ phase: 'done', restored: EMPTIED, failed: 0 })
  const { new: added, ...again } = readTree(runs)
  expect(again).toEqual(before)
  expect(readTree(copies)).toEqual({ ...before, new: added })

  for (const file of files.slice(0, EMPTIED)) truncateSync(file, 0)
  await untilState(data, 'it to be held again', isHeld)
  expect(await holdfast(['folders', 'accept', runs, '--data', data])).toContain('as they are')
  const last = await untilState(data, 'all to be sent as it is', (state) => {
    return heldOnes(state).length === 0 && isSent(state, 'runs', FILES + 1)
  })
  expect(readTree(copies)).toEqual(readTree(runs))
  expect(last.incidents.map(({ kind, sources: [of] }) => [kind, of])).toEqual([
    ['emptied', id],
    ['emptied', id],
  ])
  expect(await ask('sendAsItIs', { id })).toMatchObject({ done: false })
})

test('emptied files: files emptied while no agent ran are held by the next agent', async () => {
  const data = temporaryDirectory('emptied-before')
  const runs = path.join(temporaryDirectory('emptied-before-source'), 'runs')
  const files = fill(runs)
  const before = readTree(runs)
  const first = startHoldfast(['agent', '--data', data, runs])
  const { destinations } = await untilState(data, 'all to be sent', (state) => isSent(state, 'runs', FILES))
  first.child.kill('SIGTERM')
  await first.ended()
  for (const file of files.slice(0, EMPTIED)) truncateSync(file, 0)
  startHoldfast(['agent', '--data', data])
  await untilState(data, 'it to be held', isHeld)
  expect(readTree(await findDirectory('runs', destinations[0]?.address ?? ''))).toEqual(before)
})

test('`send --once`: many emptied files give exit code 1 until they are restored or accepted', async () => {
  const data = temporaryDirectory('emptied-once')
  const runs = path.join(temporaryDirectory('emptied-once-source'), 'runs')
  const files = fill(runs)
  const before = readTree(runs)
  const words = ['send', '--once', '--data', data, runs]
  await holdfast(words)
  const copies = await findDirectory('runs', path.join(data, 'store'))
  const failing = async () => {
    const once = startHoldfast(words)
    expect(await once.ended(), once.out()).toBe(1)
    expect(once.err()).toMatch(
      /Not everything was sent: 40 of 60 files of runs .*run this again with --accept/,
    )
    expect(readTree(copies)).toEqual(before)
  }
  for (const file of files.slice(0, EMPTIED)) truncateSync(file, 0)
  await failing()
  // A second run is not the first one's answer.
  await failing()
  for (const file of files) copyFileSync(path.join(copies, path.basename(file)), file)
  expect(await holdfast(words)).toContain('60 files are copied')

  for (const file of files.slice(0, EMPTIED)) truncateSync(file, 0)
  expect(await holdfast([...words, '--accept'])).toContain('60 files are copied')
  expect(readTree(copies)).toEqual(readTree(runs))
})
