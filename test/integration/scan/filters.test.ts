import { existsSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { setUp } from '../../support/scan/set-up.ts'
import { until } from '../../support/until.ts'

function setUpFiltered(settings: Record<string, unknown>) {
  const scanning = setUp(settings)
  const write = (name: string, bytes = 10) => {
    mkdirSync(path.dirname(path.join(scanning.root, name)), { recursive: true })
    writeFileSync(path.join(scanning.root, name), 'x'.repeat(bytes))
  }
  return { ...scanning, write }
}

const FILTERS = { ignore: ['*.log', 'cache/'], hidden: 'leave-out', minimumBytes: 5, maximumBytes: 100 }
const WRITTEN: [string, number][] = [
  ['kept', 10],
  ['deep/kept', 10],
  ['a.log', 10],
  ['cache/a', 10],
  ['.hidden', 10],
  ['.git/config', 10],
  ['tiny', 4],
  ['huge', 101],
]

describe('filters', () => {
  test.each([
    ['continuous', '', {}],
    ['batch', 'DC1/', { kind: 'batch' }],
  ])(
    'files excluded from a %s source are not offered by listing, watcher or reconciliation',
    async (_kind, below, kind) => {
      const { root, configure, write, watching, paths, scanner } = setUpFiltered({ ...FILTERS, ...kind })
      for (const [name, bytes] of WRITTEN) write(`${below}${name}`, bytes)
      configure()
      await watching()
      for (const [name, bytes] of WRITTEN) write(`${below}live/${name}`, bytes)
      renameSync(path.join(root, `${below}live/a.log`), path.join(root, `${below}live/renamed`))
      const kept = ['deep/kept', 'kept', 'live/deep/kept', 'live/kept', 'live/renamed'].map(
        (name) => below + name,
      )
      await until('all others are offered', () => paths().join() === kept.join())
      await scanner.reconcile()
      expect(paths()).toEqual(kept)
    },
  )
})

describe('changed filters', () => {
  test('waiting files that are now excluded are withdrawn, and sent files stay known', async () => {
    const { configure, write, watching, paths, sendAll } = setUpFiltered({})
    write('sent.log')
    configure()
    await watching()
    await until('it waits', () => paths('waiting').join() === 'sent.log')
    sendAll()
    for (const name of ['a.log', 'b', '.c', 'cache/deep/d']) write(name)
    await until('four wait', () => paths('waiting').length === 4)
    configure(FILTERS)
    await until('one waits', () => paths('waiting').join() === 'b')
    expect(paths('sent')).toEqual(['sent.log'])
    configure()
    await until('taken back, they are offered again', () => paths('waiting').length === 4)
    expect(paths('sent')).toEqual(['sent.log'])
  })

  test('waiting files that are now excluded are withdrawn while the source is paused', async () => {
    const { configure, write, watching, paths } = setUpFiltered({})
    write('a.log')
    configure()
    await watching()
    await until('it waits', () => paths('waiting').join() === 'a.log')
    configure({ ...FILTERS, paused: true })
    await until('it waits no more', () => paths().length === 0)
  })
})

describe('minimum age', () => {
  test('a batch directory is marked after its young files are sent and does not wait for excluded files', async () => {
    const { root, configure, write, watching, paths, sendAll } = setUpFiltered({
      ...FILTERS,
      kind: 'batch',
      minimumAgeSeconds: 3_600,
    })
    const directory = path.join(root, 'DC1')
    for (const [name, bytes] of WRITTEN) write(`DC1/${name}`, bytes)
    const long = new Date(Date.now() - 3_600_000)
    for (const [name] of WRITTEN) utimesSync(path.join(directory, name), long, long)
    configure()
    await watching()
    write('DC1/young')
    writeFileSync(path.join(directory, 'finished.parse'), '')
    const all = ['DC1/deep/kept', 'DC1/kept', 'DC1/young']
    await until('all wait', () => paths('waiting').join() === all.join())
    expect(existsSync(path.join(directory, 'finished.watch'))).toBe(false)
    sendAll()
    await until('it is marked', () => existsSync(path.join(directory, 'finished.watch')))
    expect(paths('sent')).toEqual(all)
  })

  test('a deleted waiting file does not delay the mark of its batch directory', async () => {
    const { root, scanner, configure, write, watching, paths, sendAll } = setUpFiltered({ kind: 'batch' })
    write('DC1/a')
    configure()
    await watching()
    await until('the first one waits', () => paths('waiting').join() === 'DC1/a')
    sendAll()
    write('DC1/b')
    await until('the second one waits', () => paths('waiting').join() === 'DC1/b')
    write('DC1/finished.parse')
    await scanner.reconcile()
    expect(existsSync(path.join(root, 'DC1/finished.watch'))).toBe(false)
    rmSync(path.join(root, 'DC1/b'))
    await until('it is marked', () => existsSync(path.join(root, 'DC1/finished.watch')))
    expect(paths()).toEqual(['DC1/a'])
  })
})
