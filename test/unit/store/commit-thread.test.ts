import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { Store, StoreSource } from '../../../core/store/store.ts'
import { verifyStore } from '../../../core/store/verify/verify.ts'
import { chooseLength } from '../../support/long.ts'
import { openAt, openLarge, smallFile } from '../../support/store/large-files.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree } from '../../support/transfer/transfer.ts'

/** `before` is told of each call by which a round changes the disk, or syncs it. */
const disk = vi.hoisted(() => {
  const nothing = (_call: string): void => undefined
  return { before: nothing, nothing, syncsWhole: true, failure: null as string | null }
})
vi.mock('node:worker_threads', async (original) => ({
  ...(await original<typeof import('node:worker_threads')>()),
  Worker: (await import('../../support/threads-here.ts')).ThreadHere,
}))
vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>()
  const readPath = (fd: number) => real.readlinkSync(`/proc/self/fd/${fd}`)
  return {
    ...real,
    mkdirSync(...words: Parameters<typeof real.mkdirSync>) {
      disk.before(`mkdir ${words[0]}`)
      return real.mkdirSync(...words)
    },
    renameSync(...words: Parameters<typeof real.renameSync>) {
      disk.before(`rename ${words[1]}`)
      real.renameSync(...words)
    },
    linkSync(...words: Parameters<typeof real.linkSync>) {
      disk.before(`link ${words[1]}`)
      real.linkSync(...words)
    },
    fsyncSync: (fd: number) => disk.before(`sync ${readPath(fd)}`),
    fsync(fd: number, done: (error: null) => void) {
      disk.before(`sync ${readPath(fd)}`)
      setImmediate(done, null)
    },
  }
})
vi.mock('../../../core/platform/libc.ts', async (original) => {
  const real = await original<typeof import('../../../core/platform/libc.ts')>()
  return {
    ...real,
    linkOpenFile(...words: Parameters<typeof real.linkOpenFile>) {
      disk.before(`name ${words[2]}`)
      return real.linkOpenFile(...words)
    },
    syncWhole() {
      disk.before('sync all')
      const { failure } = disk
      disk.failure = null
      if (failure !== null) throw Object.assign(new Error(`${failure}: syncfs`), { code: failure })
    },
  }
})
vi.mock('../../../core/store/file-system.ts', async (original) => {
  const real = await original<typeof import('../../../core/store/file-system.ts')>()
  const tryFileSystem = (at: string) => ({ ...real.tryFileSystem(at), syncsWhole: disk.syncsWhole })
  return { ...real, tryFileSystem }
})
beforeEach(() => Object.assign(disk, { before: disk.nothing, syncsWhole: true, failure: null }))

const onLinux = describe.runIf(process.platform === 'linux')
type Texts = readonly (readonly [name: string, text: string])[]
type Tell = (name: string, text: string, status: string) => void

/** Has files come together; what became of each. */
async function send(
  { store, source }: { store: Store; source: StoreSource },
  texts: Texts,
  answered: Tell = () => undefined,
  written: (name: string) => void = () => undefined,
): Promise<string[]> {
  const statuses: string[] = []
  await new Promise<void>((resolve) => {
    let left = texts.length
    store.receiveAll(
      texts.map(([name, text]) => smallFile(source, name, Buffer.from(text))),
      {
        directories: [],
        onWritten: (index) => written(texts[index]?.[0] ?? ''),
        onStored(index, { status, detail }) {
          statuses[index] = `${status} ${detail}`.trim()
          const [name, text] = texts[index] ?? ['', '']
          answered(name, text, status)
          left -= 1
          if (left === 0) resolve()
        },
      },
    )
  })
  return statuses
}

const numbered = (count: number): Texts => Array.from({ length: count }, (_, at) => [`n${at}`, `${at}`])

async function findings(root: string): Promise<string[]> {
  const found: string[] = []
  await verifyStore(
    root,
    { adopt: false },
    {
      notice: async () => undefined,
      found: async ({ kind, place }) => void found.push(`${kind} ${place}`),
      progress: () => undefined,
    },
  )
  return found
}

/** All contents that a sender has in a store, older ones included. */
const readContents = (root: string): string[] =>
  [path.join(root, 'pc'), path.join(root, '.holdfast', 'versions')].flatMap((at) =>
    Object.keys(readTree(at)).map((name) => fs.readFileSync(path.join(at, name), 'utf8')),
  )

const readAt = (root: string, name: string) => {
  const file = path.join(root, 'pc', 'data', name)
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : 'nothing'
}

onLinux('crash recovery at any step of a round', () => {
  const before: Texts = [
    ['same', 'the same'],
    ['changed', 'before'],
    ['deep/changed', 'deep before'],
    ['file', 'a file'],
    ['directory/one', 'one below'],
  ]
  const coming: Texts = [
    ['changed', 'after'],
    ['deep/changed', 'deep after'],
    ['same', 'the same'],
    ['file/below', 'below a file'],
    ['file/other', 'also below a file'],
    ['changed', 'once more'],
    ['directory', 'instead of a directory'],
    ['new/file', 'new'],
  ]

  const contentsOf = (name: string) =>
    [...before, ...coming].flatMap(([one, text]) => (one === name ? [text] : []))
  /**
   * A store as a kill leaves it before each call of the round that stores what is coming, or before those that `isTaken`
   * chooses; `calls`: the number of all.
   */
  async function killAtEach(others: Texts, isTaken: (call: string, index: number) => boolean = () => true) {
    const at = await openLarge()
    expect(await send(at, before)).toEqual(before.map(() => 'durable'))
    const killed = temporaryDirectory('killed')
    const steps: { call: string; root: string; promised: string[] }[] = []
    const promised = before.map(([, text]) => text)
    let calls = 0
    let last = ''
    disk.before = (call) => {
      if (/name n\d|deleted/.test(call)) return
      // Two syncs of directories in a row are one state of the disk.
      const isSame = /^sync .*\/(pc|versions)/.test(call) && /^sync .*\/(pc|versions)/.test(last)
      last = call
      calls += 1
      if (isSame || !isTaken(call, calls)) return
      const root = path.join(killed, `${steps.length}`)
      // What a process has written is there for the next one, be it on the disk or not.
      execFileSync('cp', ['-a', at.root, root])
      steps.push({ call, root, promised: [...promised] })
    }
    const noted: Tell = (_, text, status) => status === 'durable' && void promised.push(text)
    await send(at, [...others, ...coming], noted)
    disk.before = disk.nothing
    return { steps, calls }
  }

  test.each([
    ['with syncs of the whole disk', true, numbered(16), 0],
    ['with syncs of each file', false, [], 1],
  ] as const)(
    'keeps every file answered as durable, and verification has no findings, %s',
    async (_, syncsWhole, others, first) => {
      disk.syncsWhole = syncsWhole
      // Both kinds of syncs take the same steps: every other one of each, or all.
      const every = chooseLength(2, 1)
      const { steps, calls } = await killAtEach(others, (_, index) => index % every === first % every)
      expect(calls).toBeGreaterThan(20)
      expect(steps.length).toBeGreaterThan(10)
      for (const { call, root, promised } of steps) {
        for (const name of ['same', 'changed', 'deep/changed'])
          expect([call, name, contentsOf(name)]).toEqual([
            call,
            name,
            expect.arrayContaining([readAt(root, name)]),
          ])
        const lost = () => promised.filter((text) => !readContents(root).includes(text))
        expect([call, await findings(root), lost()]).toEqual([call, [], []])
        for (const name of ['same', 'changed', 'deep/changed', 'file', 'directory'])
          expect([call, name, fs.existsSync(path.join(root, 'pc', 'data', name))]).toEqual([call, name, true])
        const next = await openAt(root)
        const refused = (await send(next, coming)).filter((status) => !/^(durable|same)$/.test(status))
        await next.store.close()
        expect([call, refused, await findings(root), lost()]).toEqual([call, [], [], []])
        for (const [name, text] of new Map(coming))
          expect(fs.readFileSync(path.join(root, 'pc', 'data', name), 'utf8')).toBe(text)
      }
    },
  )

  test('stores further files though symbolic links have replaced files of the interrupted round', async () => {
    disk.syncsWhole = false
    const { steps } = await killAtEach([], (call) => call === 'name changed')
    const { root = '' } = steps.at(-1) ?? {}
    for (const name of ['deep/changed', 'file/below']) {
      fs.rmSync(path.join(root, 'pc', 'data', name))
      fs.symlinkSync('nowhere', path.join(root, 'pc', 'data', name))
    }
    expect(await send(await openAt(root), [['another', 'file']])).toEqual(['durable'])
  })
})

onLinux('commit round', () => {
  /** All that happens, in its order. */
  async function recordEvents(texts: Texts, existing: Texts = []): Promise<string[]> {
    const at = await openLarge()
    if (existing.length > 0) await send(at, existing)
    const events: string[] = []
    disk.before = (call) => void events.push(call.replace(at.root, ''))
    const tell = (what: string) => (name: string) => void events.push(`${what} ${name}`)
    await send(at, texts, tell('answer'), tell('written'))
    return events
  }

  test('many files share one disk sync for their contents and one for their names, before any answer', async () => {
    const texts = numbered(40)
    const events = await recordEvents(texts)
    for (const [name] of texts) {
      const [written, named, answered] = ['written', 'name', 'answer'].map((what) =>
        events.indexOf(`${what} ${name}`),
      )
      const synced = events.indexOf('sync all', written)
      expect([name, written !== -1, named !== -1]).toEqual([name, true, true])
      expect(synced).toBeLessThan(named ?? 0)
      expect(events.indexOf('sync all', named)).toBeLessThan(answered ?? 0)
    }
    expect(events.filter((event) => event.startsWith('sync'))).toEqual(['sync all', 'sync all'])
  })

  test('few files are synced before they are named, then directories and manifest are synced, then answers sent', async () => {
    disk.syncsWhole = false
    const texts = Object.entries({ 'b/c': 'one', a: 'two' })
    const events = await recordEvents(texts, Object.entries({ a: 'before' }))
    const at = (pattern: RegExp) => events.flatMap((event, index) => (pattern.test(event) ? [index] : []))
    const contents = at(/^sync .*\(deleted\)$/)
    const names = at(/^name /)
    const [announced = 0, noted = 0, ...others] = at(/^sync .*manifest.db-wal$/)
    const directories = ['pc/data', 'pc/data/b', '.holdfast/versions/pc/data/a'].map((name) =>
      events.indexOf(`sync /${name}`),
    )
    // The file there gets its second name when the manifest says that it may.
    const moved = at(/^link .*-0$/)
    expect([contents.length, names.length, moved.length, others]).toEqual([2, 3, 1, []])
    const steps = [contents, [announced], moved, names.slice(-1), directories, [noted], at(/^answer /)]
    for (const [index, step] of steps.slice(1).entries())
      expect(Math.max(...(steps[index] ?? []))).toBeLessThan(Math.min(...step))
  })

  test('directories of older versions are synced before those of the names that were exchanged', async () => {
    disk.syncsWhole = false
    const texts: Texts = [
      ['one', 'after'],
      ['deep/two', 'after'],
    ]
    const events = await recordEvents(
      texts,
      texts.map(([name]) => [name, 'before']),
    )
    const findSyncs = (below: string) =>
      events.flatMap((event, index) => (event.startsWith(`sync ${below}`) ? [index] : []))
    const [versions, names] = [findSyncs('/.holdfast/versions'), findSyncs('/pc/data')]
    expect([versions.length > 1, names.length > 1]).toEqual([true, true])
    expect(Math.max(...versions)).toBeLessThan(Math.min(...names))
  })

  test('a failed disk sync fails all files of its round, and later files are stored', async () => {
    const at = await openLarge()
    disk.failure = 'EIO'
    expect(new Set(await send(at, numbered(40)))).toEqual(new Set(['failed EIO']))
    expect([at.stored(), at.store.usage('pc').files]).toEqual([{}, 0])
    expect(new Set(await send(at, numbered(40)))).toEqual(new Set(['durable']))
  })

  test.each(['link', 'name', 'rename'])(
    'a disk that is full at the call %s of a replacement keeps the older content under its name',
    async (refused) => {
      const at = await openLarge()
      await send(at, [['changed', 'before']])
      let calls = 0
      disk.before = (call) => {
        if (!call.startsWith(`${refused} `)) return
        calls += 1
        // The first naming only finds that the name is in use.
        if (refused === 'name' && calls === 1) return
        throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
      }
      const [status = ''] = await send(at, [['changed', 'after']])
      disk.before = disk.nothing
      expect(status).not.toBe('durable')
      expect(readAt(at.root, 'changed')).toBe('before')
      expect(await findings(at.root)).toEqual([])
      expect(await send(at, [['changed', 'last']])).toEqual(['durable'])
      expect([await findings(at.root), readContents(at.root)]).toEqual([
        [],
        expect.arrayContaining(['before', 'last']),
      ])
    },
  )

  test('a manifest that cannot be written leaves the older contents under their names, and new names unused', async () => {
    const at = await openLarge()
    await send(at, [['changed', 'before']])
    const database = new DatabaseSync(path.join(at.root, '.holdfast', 'manifest.db'))
    database.exec("CREATE TRIGGER fails BEFORE DELETE ON round BEGIN SELECT raise(ABORT, 'full'); END")
    const statuses = await send(at, [
      ['changed', 'between'],
      ['changed', 'after'],
      ['new', 'file'],
    ])
    expect(statuses.some((status) => status === 'durable')).toBe(false)
    expect([readAt(at.root, 'changed'), readAt(at.root, 'new')]).toEqual(['before', 'nothing'])
    database.exec('DROP TRIGGER fails')
    database.close()
    expect(await findings(at.root)).toEqual([])
    expect(await send(at, [['changed', 'last']])).toEqual(['durable'])
    expect([await findings(at.root), readContents(at.root)]).toEqual([[], ['last', 'before']])
  })

  test('a failed sync of one file among few fails only that file', async () => {
    const at = await openLarge()
    let syncs = 0
    disk.before = (call) => {
      if (!/sync .*deleted/.test(call)) return
      syncs += 1
      if (syncs === 3) throw Object.assign(new Error('EIO: fsync'), { code: 'EIO' })
    }
    const statuses = await send(at, numbered(5))
    expect(statuses.toSorted()).toEqual([...Array(4).fill('durable'), 'failed EIO'])
    expect([Object.keys(at.stored()).length, at.store.usage('pc').files]).toEqual([4, 4])
  })
})
