import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { askAgent } from '../../support/agent/answers.ts'
import { holdfast, untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { canMount, mountExt4 } from '../../support/faults/mounts.ts'
import { runStoreCommand } from '../../support/store/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree } from '../../support/trees.ts'
import { until } from '../../support/until.ts'

const ALL = { path: null, version: null, at: null, to: null }

/** Starts an agent with a source of four files that are all sent to the folder on this computer. */
async function startWithFiles() {
  const data = temporaryDirectory('in-place-agent')
  const source = path.join(temporaryDirectory('in-place-source'), 'runs')
  fs.mkdirSync(path.join(source, '2025', 'may'), { recursive: true })
  fs.chmodSync(source, 0o750)
  for (const [name, text] of Object.entries({
    '2025/may/one.raw': 'first',
    '2025/two.raw': 'second',
    'notes.txt': 'third',
    'run.sh': 'fourth',
  }))
    fs.writeFileSync(path.join(source, name), text)
  fs.chmodSync(path.join(source, 'run.sh'), 0o755)
  const old = new Date('2025-05-05T05:05:05Z')
  fs.utimesSync(path.join(source, '2025/may/one.raw'), old, old)
  const agent = startHoldfast(['agent', '--data', data, source])
  const { destinations } = await untilState(
    data,
    'all to be kept',
    ({ totals }) => totals.sentFiles === 4 && totals.waitingFiles === 0,
  )
  const destination = destinations[0]?.id ?? ''
  const ask = askAgent(data)
  const restore = async (changes: object) => {
    const at = (await untilState(data, 'an answer', () => true)).restore?.startedAt ?? 0
    expect(await ask('restoreStart', { destination, folder: 'runs', ...ALL, ...changes })).toEqual({
      done: true,
    })
    const ended = await untilState(
      data,
      'the restore to end',
      ({ restore: now }) => now !== null && now.phase !== 'running' && now.startedAt > at,
    )
    return ended.restore
  }
  const readFacts = (name: string) => {
    const { mode, mtimeMs } = fs.statSync(path.join(source, name))
    return { mode, mtimeMs }
  }
  return { data, source, destination, ask, restore, readFacts, agent }
}

test('restore in place: a deleted directory is marked as missing, and comes back where it was', async () => {
  const { data, source, destination, ask, restore, readFacts } = await startWithFiles()
  const before = readTree(source)
  const facts = ['.', '2025', '2025/may/one.raw', 'run.sh'].map(readFacts)
  // The destination keeps the note as it was.
  await ask('pause', { minutes: null })
  fs.rmSync(path.join(source, '2025'), { recursive: true })
  fs.writeFileSync(path.join(source, 'notes.txt'), 'something else')

  const at = { destination, folder: 'runs', directory: '', at: null }
  const { entries } = await ask('restoreList', { ...at, after: null })
  expect(entries.map(({ name, local }) => `${name} ${local}`)).toEqual([
    '2025 missing',
    'notes.txt changed',
    'run.sh same',
  ])
  const { files } = await ask('restoreSearch', { ...at, text: '', missingOnly: true })
  expect(files.map((file) => file.path)).toEqual(['2025/may/one.raw', '2025/two.raw'])

  // Existing files are not touched, whatever they contain.
  expect(await restore({ missingOnly: true })).toMatchObject({ restored: 2, kept: 0, to: source })
  expect(readTree(source)).toEqual({ ...before, 'notes.txt': expect.anything() })
  expect(fs.readFileSync(path.join(source, 'notes.txt'), 'utf8')).toBe('something else')
  expect(['2025/may/one.raw', '2025'].map(readFacts)).toEqual([facts[2], facts[1]])

  // A directory that is gone as a whole is made again, with its mode.
  await ask('resume', {})
  fs.writeFileSync(path.join(source, 'notes.txt'), 'third')
  await untilState(data, 'the note to be kept', ({ totals }) => totals.waitingFiles === 0)
  // Renaming takes it away at once: a probe may write into a directory that is being emptied.
  fs.renameSync(source, `${source}-gone`)
  expect(await restore({})).toMatchObject({ restored: 4, to: source })
  expect(readTree(source)).toEqual(before)
  expect(readFacts('.').mode).toBe(facts[0]?.mode)
  expect(readFacts('run.sh')).toEqual(facts[3])
})

test('restore in place: a renamed source is found by its present name, and by the one of before', async () => {
  const { data, source } = await startWithFiles()
  const before = readTree(source)
  const about = ['--data', data]
  await holdfast(['folders', 'change', source, '--name', 'campaign', ...about])
  for (const name of ['campaign', 'runs']) {
    fs.rmSync(path.join(source, '2025'), { recursive: true })
    await holdfast(['restore', '--from', 'embedded', name, '--in-place', '--missing-only', ...about])
    expect(readTree(source)).toEqual(before)
    const listed = await holdfast(['restore', '--from', 'embedded', `${name}/run.sh`, '--list', ...about])
    expect(listed).toContain('run.sh')
  }
})

test('restore in place: what a search has found comes back, and nothing else', async () => {
  const { source, ask, destination, restore } = await startWithFiles()
  const before = readTree(source)
  for (const name of fs.readdirSync(source)) fs.rmSync(path.join(source, name), { recursive: true })
  const at = { destination, folder: 'runs', directory: '', at: null }
  const { files } = await ask('restoreSearch', { ...at, text: 'RAW', missingOnly: false })
  expect(files.map((file) => file.path)).toEqual(['2025/may/one.raw', '2025/two.raw'])
  expect(await restore({ text: 'RAW' })).toMatchObject({ restored: 2, totalFiles: 2, to: source })
  const { 'notes.txt': _, 'run.sh': __, ...found } = before
  expect(readTree(source)).toEqual(found)
})

test('restore in place: an older version waits for a decision, to replace the file or to keep both', async () => {
  const { data, source, destination, ask, restore } = await startWithFiles()
  const file = path.join(source, 'notes.txt')
  fs.writeFileSync(file, 'third, again')
  await untilState(data, 'it to be kept', ({ totals }) => totals.sentBytes === 5 + 6 + 12 + 6)
  const { versions } = await ask('restoreVersions', { destination, folder: 'runs', path: 'notes.txt' })
  const older = { path: 'notes.txt', version: versions[1]?.version ?? '' }

  expect(await restore(older)).toMatchObject({ restored: 0, kept: 1, keptPaths: [file], to: file })
  expect(fs.readFileSync(file, 'utf8')).toBe('third, again')
  expect(await ask('restoreKept', { conflict: 'keepBoth' })).toEqual({ done: true })
  const beside = () => fs.readdirSync(source).find((name) => name.startsWith('notes (restored '))
  await untilState(data, 'both to be kept', ({ restore: now }) => now?.phase === 'done')
  expect(fs.readFileSync(path.join(source, beside() ?? ''), 'utf8')).toBe('third')
  expect(fs.readFileSync(file, 'utf8')).toBe('third, again')

  await restore(older)
  expect(await ask('restoreKept', { conflict: 'replace' })).toEqual({ done: true })
  await until('the file to be replaced', () => fs.readFileSync(file, 'utf8') === 'third')
})

test('restore list: a past time shows the tree as it was then', async () => {
  const { data, source, destination, ask } = await startWithFiles()
  const then = Date.now()
  await until('the clock to move on', () => Date.now() > then + 50)
  fs.mkdirSync(path.join(source, '2026'))
  fs.writeFileSync(path.join(source, '2026/later.raw'), 'later')
  fs.writeFileSync(path.join(source, 'notes.txt'), 'third, and longer')
  await untilState(data, 'both to be kept', ({ totals }) => totals.sentBytes === 5 + 6 + 17 + 6 + 5)
  const list = async (at: number | null) =>
    (await ask('restoreList', { destination, folder: 'runs', directory: '', at, after: null })).entries.map(
      ({ name, kind, size }) => `${kind} ${name} ${size}`,
    )
  expect(await list(null)).toEqual([
    'directory 2025 0',
    'directory 2026 0',
    'file notes.txt 17',
    'file run.sh 6',
  ])
  expect(await list(then)).toEqual(['directory 2025 0', 'file notes.txt 5', 'file run.sh 6'])
})

test('`holdfast restore --in-place`: puts back what is missing, and keeps other files', async () => {
  const { data, source, agent } = await startWithFiles()
  const before = readTree(source)
  agent.child.kill('SIGTERM')
  await agent.ended()
  fs.rmSync(path.join(source, '2025'), { recursive: true })
  fs.writeFileSync(path.join(source, 'run.sh'), 'mine')
  const from = ['restore', '--from', 'embedded', '--data', data, '--in-place']
  const missing = await runStoreCommand(...from, 'runs/2025', '--missing-only')
  expect(missing).toMatchObject({ code: 0 })
  expect(missing.lines.at(-1)).toMatchObject({ type: 'summary', restored: 2, failed: 0 })
  expect(readTree(source)).toEqual({ ...before, 'run.sh': expect.anything() })
  const both = await runStoreCommand(...from, '--keep-both')
  expect(both.lines.at(-1)).toMatchObject({ restored: 1, same: 3 })
  expect(fs.readFileSync(path.join(source, 'run.sh'), 'utf8')).toBe('mine')
  expect(fs.readdirSync(source).filter((name) => name.startsWith('run (restored '))).toHaveLength(1)
  const wrong = await runStoreCommand(...from, '--to', source)
  expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('--to') })
  const unknown = await runStoreCommand(
    'restore',
    '--from',
    'embedded',
    '--data',
    temporaryDirectory(),
    '--in-place',
  )
  expect(unknown.code).toBe(2)
})

test.skipIf(!canMount)(
  'restore in place: nothing is written below the mount point of a disk that is away (needs root)',
  async () => {
    const disk = await mountExt4(onTestFinished)
    const data = temporaryDirectory('in-place-away')
    const source = path.join(disk.point, 'runs')
    fs.mkdirSync(source)
    fs.writeFileSync(path.join(source, 'one'), 'first')
    const agent = startHoldfast(['agent', '--data', data, source])
    const { destinations } = await untilState(
      data,
      'it to be kept, and the disk to be known',
      ({ totals, sources }) => totals.sentFiles === 1 && sources[0]?.checked?.mount != null,
    )
    await disk.unmount()
    const missing = ({ sources }: AppState) => sources[0]?.checked?.overall.sentence.key === 'check.unmounted'
    await untilState(data, 'the disk to be missed', missing)
    const wanted = { destination: destinations[0]?.id ?? '', folder: 'runs', ...ALL }
    expect(await askAgent(data)('restoreStart', wanted)).toMatchObject({
      done: false,
      sentence: { key: 'check.unmounted' },
    })
    agent.child.kill('SIGTERM')
    await agent.ended()
    const command = await runStoreCommand('restore', '--from', 'embedded', '--data', data, '--in-place')
    expect(command).toMatchObject({ code: 2, err: expect.stringContaining('is not mounted') })
    expect(fs.existsSync(source)).toBe(false)
  },
)

test('`holdfast restore --in-place`: files of another computer are refused with the way on', async () => {
  const words = ['runs', '--computer', 'old', '--data', temporaryDirectory('in-place-replaced'), '--in-place']
  const command = await runStoreCommand('restore', '--from', 'embedded', ...words)
  const wayOn = 'Run the same command with --to and a folder instead of --in-place.'
  expect(command).toMatchObject({ code: 2, err: expect.stringContaining(wayOn) })
})
