import { execFileSync, spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { Validator } from 'ro-crate'
import { describe, expect, test } from 'vitest'
import { untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** Names that forms write in different ways. */
const ODD_NAMES = ['back\\slash', 'line\nbreak', 'carriage\rreturn', 'twenty %41', 'café 資料 #1?.txt']
const SMALL = ['one.csv', 'below/two.txt', 'below/empty']
/** Beyond the limit of a whole file, so that it is sent in chunks. */
const LARGE_BYTES = 5 * 1024 * 1024 + 7

const holdfast = async (...words: string[]) => {
  const run = startHoldfast(words)
  const code = await run.ended(60_000)
  return { code, out: run.out(), err: run.err() }
}

const jsonLines = (text: string): Record<string, unknown>[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

/** Starts an agent that keeps the files of a directory in its own folder, with these options of the directory. */
async function startAgent(names: readonly string[], ...options: string[]) {
  const data = temporaryDirectory('manifest-agent')
  const source = path.join(temporaryDirectory('manifest-source'), 'scans')
  const write = (name: string, content: string | Buffer) => {
    mkdirSync(path.dirname(path.join(source, name)), { recursive: true })
    writeFileSync(path.join(source, name), content)
  }
  for (const name of names) write(name, name === 'below/empty' ? '' : `content of ${name}`)
  mkdirSync(source, { recursive: true })
  await holdfast('folders', 'add', source, '--data', data, ...options)
  startHoldfast(['agent', '--data', data])
  const sent = (count: number) =>
    untilState(
      data,
      `${count} files to be kept`,
      ({ totals }) => totals.sentFiles === count && totals.waitingFiles === 0,
    )
  await sent(names.length)
  const manifest = (...words: string[]) => holdfast('manifest', source, '--data', data, ...words)
  return { data, source, write, sent, manifest }
}

/** Validates a bag with the Library of Congress's bagit, which needs to find its own version. */
function validateBag(bag: string) {
  const directory = temporaryDirectory('bagit')
  mkdirSync(path.join(directory, 'bagit-1.9.0.dist-info'))
  writeFileSync(
    path.join(directory, 'bagit-1.9.0.dist-info/METADATA'),
    'Metadata-Version: 2.1\nName: bagit\nVersion: 1.9.0\n',
  )
  copyFileSync(
    path.join(import.meta.dirname, '../../support/fixity/bagit.py'),
    path.join(directory, 'bagit.py'),
  )
  const program = 'import bagit, sys; bagit.Bag(sys.argv[1]).validate(); print("valid")'
  const env = { ...process.env, PYTHONPATH: directory, LC_ALL: 'C.UTF-8' }
  const { stdout, stderr } = spawnSync('python3', ['-c', program, bag], { encoding: 'utf8', env })
  return `${stdout}${stderr}`.trim()
}

describe('manifest', () => {
  test('sha256sum and md5sum check the files by it, whatever their names', async () => {
    const { source, write, sent, manifest } = await startAgent(
      [...SMALL, ...ODD_NAMES],
      '--digests',
      'md5,sha256',
    )
    write('large', Buffer.alloc(LARGE_BYTES, 'large'))
    await sent(SMALL.length + ODD_NAMES.length + 1)
    for (const form of ['sha256sum', 'md5sum']) {
      const file = path.join(temporaryDirectory('sums'), 'sums.txt')
      expect(await manifest('--form', form, '--output', file)).toMatchObject({ code: 0, out: '' })
      const checked = execFileSync(form, ['--strict', '-c', file], { cwd: source, encoding: 'utf8' })
      expect(checked.trim().split('\n')).toHaveLength(9)
      const own = execFileSync(form, ['large', ...ODD_NAMES, ...SMALL].sort(), {
        cwd: source,
        encoding: 'utf8',
      })
      expect(readFileSync(file, 'utf8').split('\n').sort()).toEqual(own.split('\n').sort())
    }
    const { out } = await manifest('--json')
    const lines = jsonLines(out)
    expect(lines.at(-1)).toMatchObject({ type: 'summary', files: 9, leftOut: 0, notDurable: 0 })
    expect(lines[0]).toMatchObject({ type: 'file', sha256: expect.any(String), md5: expect.any(String) })
  })

  test('files that were sent before are named, and are read if that is wanted and they are unchanged', async () => {
    const { data, source, write, sent, manifest } = await startAgent(SMALL)
    await holdfast('folders', 'change', source, '--data', data, '--digests', 'sha256')
    write('later', 'recorded')
    await sent(4)
    const without = await manifest()
    expect(without).toMatchObject({ code: 1, err: expect.stringContaining('below/two.txt') })
    expect(without.out.trim().split('\n')).toHaveLength(1)
    expect(await manifest('--form', 'md5sum', '--read')).toMatchObject({ code: 0 })
    const read = await manifest('--read')
    expect(read).toMatchObject({ code: 0, err: '' })
    expect(execFileSync('sha256sum', ['-c'], { cwd: source, input: read.out, encoding: 'utf8' })).toContain(
      'later: OK',
    )
    expect(read.out.trim().split('\n')).toHaveLength(4)
    rmSync(path.join(source, 'one.csv'))
    const gone = await manifest('--read', '--json')
    expect(gone.code).toBe(1)
    expect(jsonLines(gone.out)).toContainEqual({ type: 'leftOut', path: 'one.csv', why: 'changed' })
  })

  test('a file that is gone here and damaged at the destination is left out, with the reason', async () => {
    const { data, source, manifest } = await startAgent(SMALL, '--digests', 'sha256')
    rmSync(path.join(source, 'one.csv'))
    await untilState(data, 'the deletion to be seen', ({ totals }) => totals.deletedFiles === 1)
    const store = path.join(data, 'store')
    const folder = readdirSync(store).find((name) => !name.startsWith('.')) ?? ''
    const copy = path.join(store, folder, 'scans', 'one.csv')
    rmSync(copy)
    writeFileSync(copy, 'content of one.cs!')
    expect(await holdfast('verify', 'embedded', '--data', data)).toMatchObject({ code: 1 })
    const text = await manifest()
    expect(text).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^one\.csv is left out: its copy at .+ is damaged/),
    })
    expect(text.out.trim().split('\n')).toHaveLength(2)
    const lines = jsonLines((await manifest('--json')).out)
    expect(lines).toContainEqual({
      type: 'leftOut',
      path: 'one.csv',
      why: 'damaged',
      destination: expect.any(String),
    })
    expect(lines.at(-1)).toMatchObject({ type: 'summary', files: 2, leftOut: 1, damaged: 1 })
  })

  test('bag: Python bagit accepts it with the restored files, and finds a change', async () => {
    const { data, manifest } = await startAgent([...SMALL, 'line\nbreak', '資料 1'], '--digests', 'sha256')
    const bag = path.join(temporaryDirectory('bags'), 'scans-bag')
    expect(await manifest('--form', 'bagit', '--output', bag)).toMatchObject({ code: 0 })
    const to = path.join(bag, 'data')
    expect(
      await holdfast('restore', '--data', data, '--from', 'embedded', 'scans', '--to', to),
    ).toMatchObject({ code: 0 })
    expect(validateBag(bag)).toBe('valid')
    writeFileSync(path.join(to, 'one.csv'), 'content of one.cs!')
    expect(validateBag(bag)).toContain('one.csv')
  })

  test('crate: the validator of ro-crate accepts it, and it describes each file', async () => {
    const { source, manifest } = await startAgent([...SMALL, 'café 資料 #1?.txt'], '--digests', 'sha256')
    const crate = path.join(temporaryDirectory('crates'), 'scans')
    const license = 'https://creativecommons.org/licenses/by/4.0/'
    const made = await manifest('--form', 'ro-crate', '--license', license, '--output', crate)
    expect(made).toMatchObject({ code: 0 })
    const text = readFileSync(path.join(crate, 'ro-crate-metadata.json'), 'utf8')
    const validator = new Validator()
    validator.parseJSON(text)
    await validator.validate()
    expect(validator.results.filter(({ status }) => status === 'error')).toEqual([])
    const entities: Record<string, unknown>[] = JSON.parse(text)['@graph']
    const root = entities.find((one) => one['@id'] === './')
    const files = entities.filter((one) => one['@type'] === 'File')
    expect(root).toMatchObject({ '@type': 'Dataset', name: 'scans', license: { '@id': license } })
    const { hasPart } = root ?? {}
    expect(hasPart).toEqual(files.map((one) => ({ '@id': one['@id'] })))
    const sums = execFileSync('sha256sum', ['one.csv'], { cwd: source, encoding: 'utf8' })
    expect(files.find(({ name }) => name === 'one.csv')).toMatchObject({
      ...{ '@id': 'one.csv', contentSize: '18', encodingFormat: 'text/csv', sha256: sums.slice(0, 64) },
    })
    expect(files.map((one) => decodeURIComponent(String(one['@id']))).sort()).toEqual(
      [...SMALL, 'café 資料 #1?.txt'].sort(),
    )
  })

  test('verify and restore compare with it: a wrong digest and a missing file are found', async () => {
    const { data, manifest } = await startAgent(SMALL, '--digests', 'sha256')
    const base = temporaryDirectory('compare')
    const [right, wrong] = [path.join(base, 'right'), path.join(base, 'wrong')]
    await manifest('--output', right)
    const lines = readFileSync(right, 'utf8').replace(/^[0-9a-f]{64}(?= {2}one.csv)/m, '0'.repeat(64))
    writeFileSync(wrong, `${lines}${'1'.repeat(64)}  nowhere\n`)

    const verify = (...words: string[]) => holdfast('verify', '--data', data, 'embedded', '--json', ...words)
    const well = await verify('--manifest', right)
    expect(jsonLines(well.out).at(-1)).toMatchObject({ type: 'summary', files: 3, damaged: 0, missing: 0 })
    expect(well.code).toBe(0)
    const found = await verify('--manifest', wrong, '--source', 'scans')
    expect(found.code).toBe(1)
    const findings = jsonLines(found.out).filter(({ type }) => type === 'finding')
    expect(findings).toMatchObject([
      { kind: 'damaged', place: 'scans/one.csv', expected: '0'.repeat(64), isWanted: false },
      { kind: 'missing', place: 'scans/nowhere' },
    ])
    expect(jsonLines(found.out).at(-1)).toMatchObject({
      sentence: { text: expect.stringMatching(/ verify embedded$/) },
    })
    expect(await verify('--source', 'scans')).toMatchObject({ code: 2 })
    expect(await verify('--manifest', right, '--source', 'nowhere')).toMatchObject({ code: 2 })
    writeFileSync(path.join(base, 'no manifest'), 'text\n')
    expect(await verify('--manifest', path.join(base, 'no manifest'))).toMatchObject({ code: 2 })

    const store = path.join(data, 'store')
    const folder = `${readdirSync(store).find((name) => !name.startsWith('.'))}/scans`
    const inStore = (file: string) =>
      holdfast('verify', store, '--json', '--source', folder, '--manifest', file)
    expect(jsonLines((await inStore(right)).out).at(-1)).toMatchObject({ files: 3, damaged: 0, missing: 0 })
    expect(jsonLines((await inStore(wrong)).out).at(-1)).toMatchObject({ damaged: 1, missing: 1 })

    const restore = (to: string, ...words: string[]) =>
      holdfast(
        'restore',
        '--data',
        data,
        '--from',
        'embedded',
        '--to',
        path.join(base, to),
        '--json',
        ...words,
      )
    expect(await restore('well', 'scans', '--manifest', right)).toMatchObject({ code: 0 })
    const some = await restore('some', 'scans', '--manifest', wrong)
    expect(some.code).toBe(1)
    expect(existsSync(path.join(base, 'some/one.csv'))).toBe(false)
    expect(readFileSync(path.join(base, 'some/below/two.txt'), 'utf8')).toBe('content of below/two.txt')
    expect(jsonLines(some.out).at(-1)).toMatchObject({ type: 'summary', restored: 2, failed: 2 })
    // The file is there with the content of the destination, which the manifest does not list.
    expect(await restore('well', 'scans', '--manifest', wrong)).toMatchObject({ code: 1 })
    expect(await restore('all', '--manifest', right)).toMatchObject({ code: 2 })
  })

  test('bag and crate need a directory', async () => {
    const { manifest } = await startAgent([])
    expect(await manifest('--form', 'bagit')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--output'),
    })
  })
})
