import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { commands } from '../../../core/agent/contract.ts'
import { sendCommand } from '../../../core/agent/control-socket.ts'
import { stateSnapshotSchema } from '../../../core/agent/state/schema.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import { toOutcome } from '../../support/agent/answers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree } from '../../support/trees.ts'
import { until } from '../../support/until.ts'

const NONE = {
  ignore: [],
  hidden: 'send',
  temporary: 'leave-out',
  minimumBytes: null,
  maximumBytes: null,
  minimumAgeSeconds: 0,
}

function write(root: string, names: readonly string[], ageSeconds = 3_600) {
  const at = new Date(Date.now() - ageSeconds * 1_000)
  for (const name of names) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true })
    writeFileSync(path.join(root, name), name)
    utimesSync(path.join(root, name), at, at)
  }
}

describe('filters of a source, changed by a view', () => {
  it('filters are previewed without a change, saved with one, and refused with a reason', async () => {
    const data = temporaryDirectory('filters')
    const root = path.join(temporaryDirectory('filters-source'), 'source')
    write(root, ['a', 'b.log', '.c'])
    const settings = {
      version: 1,
      sources: [{ id: 'one', path: root, name: 'one' }],
      pause: { since: 1, until: null },
    }
    writeFileSync(path.join(data, 'settings.json'), JSON.stringify(settings))
    startHoldfast(['agent', '--data', data])
    const state = async () => stateSnapshotSchema.parse(await sendCommand(data, 'snapshot', {})).state
    await until('three files wait', async () => (await state()).totals.waitingFiles === 3)

    const filters = { ...NONE, ignore: ['*.log'], hidden: 'leave-out', oneFileSystem: false }
    const preview = commands.previewFilters.output.parse(
      await sendCommand(data, 'previewFilters', { id: 'one', filters }),
    )
    expect(preview).toMatchObject({ ended: 'complete', kept: { files: 1, bytes: 1 } })
    expect(preview.leftOut.map(({ reason }) => reason).toSorted()).toEqual(['hidden', 'ignored'])
    expect((await state()).totals.waitingFiles).toBe(3)
    const unknown = sendCommand(data, 'previewFilters', { id: 'other', filters })
    await expect(unknown).rejects.toThrow('no longer protected')

    const change = async (changes: unknown) =>
      toOutcome(sendCommand(data, 'changeSource', { id: 'one', changes }))
    const refused = await change({ minimumBytes: 2_048, maximumBytes: 1_024 })
    expect(refused.done ? '' : englishWords(refused.sentence)).toContain('at least 2 KiB and at most 1 KiB')
    expect(await change({ ignore: ['*.log'], hidden: 'leave-out', priority: 'high' })).toEqual({ done: true })
    await until('one file waits', async () => (await state()).totals.waitingFiles === 1)
    // What is not named stays as it is.
    expect(await change({ priority: 'low' })).toEqual({ done: true })
    expect((await state()).sources[0]?.settings).toMatchObject({ ...filters, priority: 'low' })
  })
})

describe('`holdfast send --once` with filters', () => {
  it('files that pass are sent, and a file that is too young is left to a later run', {
    tags: 'story',
  }, async () => {
    const data = temporaryDirectory('once-filters')
    const root = path.join(temporaryDirectory('once-source'), 'source')
    write(root, ['a', 'deep/b', '.hidden', 'x.log'])
    write(root, ['young'], 0)
    const filters = ['--no-hidden', '--ignore', '*.log', '--min-age', '600']
    const once = startHoldfast(['send', '--once', ...filters, '--data', data, root])
    expect(await once.ended(), once.err()).toBe(0)
    expect(once.err()).toContain('1 file changed too recently')
    expect(once.out()).toContain('2 files are copied, on this computer only')
    const stored = Object.keys(readTree(path.join(data, 'store')))
    expect(stored.filter((name) => /source\/(a|deep\/b|young|x\.log|\.hidden)$/.test(name))).toHaveLength(2)
  })
})

describe('patterns of other tools on the command line', () => {
  it('pattern files are imported, and lines that cannot be imported are named', async () => {
    const data = temporaryDirectory('ignore-from')
    const root = path.join(temporaryDirectory('ignore-source'), 'source')
    write(root, ['a.o', 'b.c'])
    const settings = { version: 1, sources: [{ id: 'one', path: root, name: 'one' }] }
    writeFileSync(path.join(data, 'settings.json'), JSON.stringify(settings))
    const list = path.join(data, 'exclude')
    writeFileSync(list, '; objects\n+ keep.o\n- *.o\nmerge more\n')
    const run = async (...words: string[]) => {
      const command = startHoldfast([...words, '--data', data])
      const code = await command.ended()
      return { code, out: command.out(), err: command.err() }
    }
    const patterns = ['--ignore-from', list, '--ignore', '(?d)cache']
    const changed = await run('folders', 'change', root, ...patterns)
    expect(changed.err).toContain(`${list}: 2 patterns, read in the form of rsync.`)
    expect(changed.err).toContain('line 4, was not imported: merge more – it names another file')
    expect(changed.out).toContain('The pattern (?d)cache begins with a prefix of Syncthing.')
    const corrected = `folders change ${root} --ignore '*.o' --ignore '!keep.o' --ignore cache`
    expect(changed).toMatchObject({ code: 0, out: expect.stringContaining(corrected) })
    const odd = { source: 'one', pattern: '(?d)cache', instead: ['cache'] }
    const listed = JSON.parse((await run('folders', '--json')).out)
    expect(listed).toMatchObject({
      sources: [{ ignore: ['*.o', '!keep.o', '(?d)cache'] }],
      oddPatterns: [odd],
    })
    const scanned = await run('send', '--list', root, '--ignore', '- *.o')
    expect(scanned.err).toContain("Write instead: '*.o'")
    expect((await run('send', '--list', root, '--ignore-from', list)).out.trim()).toBe('b.c')

    const missing = await run('folders', 'change', root, '--ignore-from', path.join(data, 'none'))
    expect(missing.code).not.toBe(0)
    expect(missing.err).toContain('Nothing was changed.')
    expect(JSON.parse((await run('folders', '--json')).out).sources[0].ignore).toHaveLength(3)
  })
})
