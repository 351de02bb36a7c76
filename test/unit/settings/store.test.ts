import { readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { defaultSettings } from '../../../core/settings/schema.ts'
import { openSettings } from '../../../core/settings/store.ts'
import { englishWords } from '../../../core/words/words.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

describe('the settings file', () => {
  it('is made of defaults at first and keeps what is set', () => {
    const directory = temporaryDirectory()
    const store = openSettings(directory)
    expect(store.get()).toEqual(defaultSettings)
    expect(store.setAside).toBeNull()
    store.set({ ...store.get(), check: { ...store.get().check, intervalSeconds: 30 } })
    expect(openSettings(directory).get().check.intervalSeconds).toBe(30)
  })

  it.each([
    ['not JSON', '{ "version": 1, '],
    ['another schema', JSON.stringify({ version: 1, check: { intervalSeconds: 'often' } })],
    ['a later version', JSON.stringify({ version: 2 })],
    ['with a relative path', JSON.stringify({ version: 1, sources: [{ id: 'a', path: 'data', name: 'a' }] })],
    [
      'with a path that no path can be',
      JSON.stringify({ version: 1, checkedPaths: [{ id: 'a', path: '/data\0' }] }),
    ],
    [
      'with one name twice',
      JSON.stringify({
        version: 1,
        sources: ['a', 'b'].map((id) => ({ id, path: `/${id}`, name: 'same' })),
      }),
    ],
    ['an interval out of range', JSON.stringify({ version: 1, check: { intervalSeconds: 0 } })],
    ['empty', ''],
  ])('is set aside, not erased, if it is %s', (_what, content) => {
    const directory = temporaryDirectory()
    const file = path.join(directory, 'settings.json')
    writeFileSync(file, content)
    const store = openSettings(directory)
    expect(store.get()).toEqual(defaultSettings)
    const aside = readdirSync(directory).filter((name) => name.includes('set-aside'))
    expect(aside).toHaveLength(1)
    expect(readFileSync(path.join(directory, aside[0] ?? ''), 'utf8')).toBe(content)
    expect(store.setAside && englishWords(store.setAside)).toContain(aside[0])
    store.set(defaultSettings)
    expect(openSettings(directory).setAside).toBeNull()
  })

  it.each([
    ['a receiver', { id: 'a'.repeat(64), name: 'nas', host: 'nas', port: 7766, fingerprint: 'a'.repeat(64) }],
    ['the embedded receiver', null],
  ])('of a version with one destination, %s, is taken over', (_what, destination) => {
    const directory = temporaryDirectory()
    const sources = [{ id: 's', path: '/data', name: 'data' }]
    writeFileSync(path.join(directory, 'settings.json'), JSON.stringify({ version: 1, sources, destination }))
    const store = openSettings(directory)
    expect(store.setAside).toBeNull()
    expect(store.get().destinations).toEqual(destination === null ? [] : [destination])
    expect(store.get().sources).toMatchObject([{ ...sources[0], destinations: null }])
    store.set(store.get())
    expect(openSettings(directory).get()).toEqual(store.get())
  })

  it('that the system does not give is no missing one: nothing takes its place', () => {
    const directory = temporaryDirectory()
    const file = path.join(directory, 'settings.json')
    // As of a disk with an error, its file is there, and nobody can say what is in it (ELOOP).
    symlinkSync('settings.json', file)
    expect(() => openSettings(directory)).toThrow('ELOOP')
    expect(readlinkSync(file)).toBe('settings.json')
  })

  it('refuses values outside the schema and keeps what was', () => {
    const store = openSettings(temporaryDirectory())
    expect(() =>
      store.set({ ...store.get(), check: { ...store.get().check, intervalSeconds: 3601 } }),
    ).toThrow()
    expect(store.get().check.intervalSeconds).toBe(10)
  })
})
