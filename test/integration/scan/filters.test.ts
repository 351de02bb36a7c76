import { existsSync, mkdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
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
  test('a young file is offered once it is old enough, without a reconciliation', async () => {
    const { root, configure, write, watching, paths } = setUpFiltered({ minimumAgeSeconds: 2 })
    write('before')
    write('old')
    const long = new Date(Date.now() - 3_600_000)
    utimesSync(path.join(root, 'old'), long, long)
    configure()
    await watching()
    write('live')
    await until('the old one is offered', () => paths().includes('old'))
    await until('the others, too', () => paths().join() === 'before,live,old')
    const youngest = Math.max(...['before', 'live'].map((name) => statSync(path.join(root, name)).mtimeMs))
    expect(Date.now()).toBeGreaterThanOrEqual(youngest + 2_000)
  })

  test('a file with a time in the future is offered', async () => {
    const { root, configure, write, watching, paths } = setUpFiltered({ minimumAgeSeconds: 1 })
    write('ahead')
    const ahead = new Date(Date.now() + 365 * 86_400_000)
    utimesSync(path.join(root, 'ahead'), ahead, ahead)
    configure()
    await watching()
    await until('it is offered', () => paths().join() === 'ahead')
  })

  test('a batch directory is marked after its young files are sent and does not wait for excluded files', async () => {
    const { root, configure, write, watching, paths, sendAll } = setUpFiltered({
      ...FILTERS,
      kind: 'batch',
      minimumAgeSeconds: 3,
    })
    const directory = path.join(root, 'DC1')
    for (const [name, bytes] of WRITTEN) write(`DC1/${name}`, bytes)
    const long = new Date(Date.now() - 3_600_000)
    for (const [name] of WRITTEN) utimesSync(path.join(directory, name), long, long)
    configure()
    await watching()
    write('DC1/young')
    writeFileSync(path.join(directory, 'finished.parse'), '')
    await until('the old ones wait', () => paths('waiting').join().startsWith('DC1/deep/kept,DC1/kept'))
    sendAll()
    let isTooEarly = false
    await until('the young one is offered', () => {
      // Looked at all the time until then, the mark first: it must not come before the file.
      const isMarked = existsSync(path.join(directory, 'finished.watch'))
      const isOffered = paths().includes('DC1/young')
      isTooEarly ||= isMarked && !isOffered
      return isOffered
    })
    expect(isTooEarly).toBe(false)
    const { mtimeMs } = statSync(path.join(directory, 'young'))
    expect(Date.now()).toBeGreaterThanOrEqual(mtimeMs + 3_000)
    sendAll()
    await until('it is marked', () => existsSync(path.join(directory, 'finished.watch')))
    expect(paths('sent')).toEqual(['DC1/deep/kept', 'DC1/kept', 'DC1/young'])
  })

  test('a deleted young file does not delay the mark of its batch directory', async () => {
    const { root, scanner, configure, write, watching, paths, sendAll } = setUpFiltered({
      kind: 'batch',
      minimumAgeSeconds: 6,
    })
    write('DC1/a')
    const long = new Date(Date.now() - 3_600_000)
    utimesSync(path.join(root, 'DC1/a'), long, long)
    write('DC1/finished.parse')
    write('DC1/b')
    configure()
    await watching()
    await until('the old one waits', () => paths('waiting').join() === 'DC1/a')
    sendAll()
    await scanner.reconcile()
    rmSync(path.join(root, 'DC1/b'))
    await until('it is marked', () => existsSync(path.join(root, 'DC1/finished.watch')), 20_000)
    expect(paths()).toEqual(['DC1/a'])
  })
})
