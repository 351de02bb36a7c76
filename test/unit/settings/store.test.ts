import { readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import { defaultSettings } from '../../../core/settings/schema.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

describe('settings file', () => {
  it('a missing file gives the defaults, and a saved value is read back', () => {
    const directory = temporaryDirectory()
    const store = openSettings(directory)
    expect(store.get()).toEqual(defaultSettings)
    expect(store.notice).toBeNull()
    store.set({ ...store.get(), check: { ...store.get().check, intervalSeconds: 30 } })
    expect(openSettings(directory).get().check.intervalSeconds).toBe(30)
  })

  it.each([
    ['that is not JSON', '{ "version": 1, '],
    ['of another schema', JSON.stringify({ version: 1, send: { retrySeconds: 'often' } })],
    ['with a relative path', JSON.stringify({ version: 1, sources: [{ id: 'a', path: 'data', name: 'a' }] })],
    ['with an invalid path', JSON.stringify({ version: 1, checkedPaths: [{ id: 'a', path: '/data\0' }] })],
    [
      'with a duplicate name',
      JSON.stringify({
        version: 1,
        sources: ['a', 'b'].map((id) => ({ id, path: `/${id}`, name: 'same' })),
      }),
    ],
    [
      'with two names for one folder',
      JSON.stringify({
        version: 1,
        sources: ['a:b', 'a_b'].map((name, id) => ({ id: `${id}`, path: `/${id}`, name })),
      }),
    ],
    ['with an invalid end of the pause', JSON.stringify({ version: 1, theme: 'x', pause: { until: 'x' } })],
    ['that is empty', ''],
  ])('a file %s is set aside, not erased', (_what, content) => {
    const directory = temporaryDirectory()
    const file = path.join(directory, 'settings.json')
    writeFileSync(file, content)
    const store = openSettings(directory)
    expect(store.get()).toEqual(defaultSettings)
    const aside = readdirSync(directory).filter((name) => name.includes('set-aside'))
    expect(aside).toHaveLength(1)
    expect(readFileSync(path.join(directory, aside[0] ?? ''), 'utf8')).toBe(content)
    expect(store.notice && englishWords(store.notice)).toContain(aside[0])
    // That is told until somebody has set something.
    const again = openSettings(directory)
    expect(again.notice && englishWords(again.notice)).toContain(aside[0])
    expect(() => openSettings(directory, 'refuse')).toThrow(`kept as ${path.join(directory, aside[0] ?? '')}`)
    again.set(defaultSettings)
    expect(openSettings(directory).notice).toBeNull()
  })

  it('a file of a newer Holdfast is refused and left unchanged', () => {
    const directory = temporaryDirectory()
    const content = JSON.stringify({ version: 2, sources: [], something: 'new' })
    writeFileSync(path.join(directory, 'settings.json'), content)
    for (const whenBroken of ['set-aside', 'refuse'] as const)
      expect(() => openSettings(directory, whenBroken)).toThrow('written by a newer Holdfast (version 2)')
    expect(readdirSync(directory)).toEqual(['settings.json'])
    expect(readFileSync(path.join(directory, 'settings.json'), 'utf8')).toBe(content)
  })

  it('a file with unusable values is read with their defaults, and kept as a copy at the next save', () => {
    const directory = temporaryDirectory()
    const file = path.join(directory, 'settings.json')
    const sources = [{ id: 'a', path: '/data', name: 'data' }]
    const content = JSON.stringify({ version: 1, sources, theme: 'purple', check: { intervalSeconds: 0 } })
    writeFileSync(file, content)
    expect(() => openSettings(directory, 'refuse')).toThrow('Nothing was changed')
    const store = openSettings(directory)
    expect(store.get()).toMatchObject({ sources, theme: 'system', check: defaultSettings.check })
    expect(store.notice && englishWords(store.notice)).toContain('for: check.intervalSeconds, theme')
    expect(readdirSync(directory)).toEqual(['settings.json'])
    store.set(store.get())
    store.set(store.get())
    const [kept, ...others] = readdirSync(directory).filter((name) => name.includes('kept'))
    expect(others).toEqual([])
    expect(readFileSync(path.join(directory, kept ?? ''), 'utf8')).toBe(content)
    expect(openSettings(directory).notice).toBeNull()
    expect(openSettings(directory).get()).toEqual(store.get())
  })

  it.each([
    [
      { reconcileSeconds: 1, quietSeconds: 600 },
      { reconcileSeconds: 300, quietSeconds: 600 },
      'scan.reconcileSeconds',
    ],
    [
      { reconcileSeconds: 1, quietSeconds: -1 },
      defaultSettings.scan,
      'scan.reconcileSeconds, scan.quietSeconds',
    ],
    ['often', defaultSettings.scan, 'scan'],
  ])('a default replaces only the unusable values of %j', (scan, used, unused) => {
    const directory = temporaryDirectory()
    writeFileSync(path.join(directory, 'settings.json'), JSON.stringify({ scan }))
    const store = openSettings(directory)
    expect(store.get()).toEqual({ ...defaultSettings, scan: used })
    expect(store.notice && englishWords(store.notice)).toContain(`in force for: ${unused} (`)
  })

  it('a file that the system cannot read is reported with the cause, and not replaced', () => {
    const directory = temporaryDirectory()
    const file = path.join(directory, 'settings.json')
    // As of a disk with an error, its file is there, and nobody can say what is in it (ELOOP).
    symlinkSync('settings.json', file)
    expect(() => openSettings(directory)).toThrow('too many symbolic links')
    expect(readlinkSync(file)).toBe('settings.json')
  })

  it('a value outside the schema is refused, and the previous value is kept', () => {
    const store = openSettings(temporaryDirectory())
    expect(() =>
      store.set({ ...store.get(), check: { ...store.get().check, intervalSeconds: 3601 } }),
    ).toThrow('This value cannot be saved (check.intervalSeconds: ')
    expect(store.get().check.intervalSeconds).toBe(10)
  })

  it('a failed write is reported with the reason, and the previous settings stay in force', () => {
    const directory = temporaryDirectory()
    const store = openSettings(directory)
    rmSync(directory, { recursive: true })
    // Not even root makes a directory there.
    symlinkSync('/proc/nowhere', directory)
    expect(() => store.set({ ...store.get(), notifications: false })).toThrow(
      `The settings file ${store.file} cannot be written: no such file or folder. Nothing was changed.`,
    )
    expect(store.tryWriting).toThrow('cannot be written: no such file or folder. Nothing was changed.')
    expect(store.get().notifications).toBe(true)
  })
})

it('settings file: keys of a newer Holdfast outlive every change of an older one', () => {
  const directory = temporaryDirectory('unknown-keys')
  const file = path.join(directory, 'settings.json')
  const rule = { pattern: 'a{date}', everyMinutes: 60, laterRule: 1 }
  const source = (id: string) => ({ id, path: `/${id}`, name: id, laterKey: id })
  const channel = { id: 'c', name: 'C', type: 'line', options: { to: 'x' }, laterKey: ['y'] }
  writeFileSync(
    file,
    JSON.stringify({
      ...{ version: 1, laterGroup: { lock: true }, check: { intervalSeconds: 60, laterKey: 5 } },
      sources: [source('one'), source('two')],
      alerts: { channels: [channel], laterKey: null },
      send: { schedule: [{ days: [1], from: '08:00', to: '09:00', allow: 'pause', laterKey: rule }] },
    }),
  )
  const store = openSettings(directory)
  const { sources, ...settings } = store.get()
  const [, two] = sources
  store.set({ ...settings, sources: two === undefined ? [] : [{ ...two, name: 'other' }], theme: 'dark' })
  store.set({ ...store.get(), check: { ...settings.check, intervalSeconds: 61 } })
  const again = openSettings(directory)
  again.set({ ...again.get(), theme: 'light' })
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
    ...{ laterGroup: { lock: true }, check: { intervalSeconds: 61, laterKey: 5 }, theme: 'light' },
    sources: [{ id: 'two', name: 'other', laterKey: 'two' }],
    alerts: { channels: [{ id: 'c', laterKey: ['y'] }], laterKey: null },
    send: { schedule: [{ laterKey: rule }] },
  })
  expect(readFileSync(file, 'utf8')).not.toContain('"one"')
})
