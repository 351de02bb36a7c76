import { describe, expect, test } from 'vitest'
import { withSourceChanged } from '../../../core/settings/changes.ts'
import { destinationSchema, type ReceiverDestination } from '../../../core/settings/destination-schema.ts'
import {
  destinationWord,
  formatLocation,
  getEjected,
  getSourceDestinations,
  namedDestination,
  refuseMore,
  withAcceptProposals,
  withAdded,
  withDestination,
  withDestinationChanged,
  withEjected,
  withoutDestination,
  withRenamed,
  withSamples,
} from '../../../core/settings/destinations.ts'
import { MOST_DESTINATIONS, settingsSchema } from '../../../core/settings/schema.ts'

const receiver = (id: string, name = id, port = 7766): ReceiverDestination => ({
  id,
  kind: 'receiver',
  name,
  host: `${id}.lan`,
  port,
  fingerprint: 'a'.repeat(64),
})
const settings = settingsSchema.parse({
  destinations: [receiver('one'), receiver('two')],
  sources: [
    { id: 'all', path: '/all', name: 'all' },
    { id: 'some', path: '/some', name: 'some', destinations: ['two'] },
  ],
})
const wentTo = (now: typeof settings) =>
  now.sources.map((source) => getSourceDestinations(now.destinations, source).map(({ id }) => id))

test('word of a command for a destination: its name if that can only mean it, else its id', () => {
  const all = [
    receiver('r-1', 'NAS 2'),
    receiver('r-2', 'r-1'),
    receiver('r-3', '-x'),
    receiver('r-4', 'a\nb'),
  ]
  expect(all.map(({ id }) => destinationWord(all, id))).toEqual(["'NAS 2'", 'r-2', 'r-3', 'r-4'])
  for (const { id } of all) {
    const word = destinationWord(all, id).replaceAll("'", '')
    expect(namedDestination(all, word).id).toBe(id)
  }
  expect(destinationWord([{ id: 'embedded', name: '' }], 'embedded')).toBe('embedded')
})

describe('destination list', () => {
  test('a new destination gets the sources without a choice, and a unique valid name', () => {
    const added = withDestination(settings, receiver('three', 'TWO'))
    expect(added.destinations.map(({ name }) => name)).toEqual(['one', 'two', 'TWO 2'])
    expect(wentTo(added)).toEqual([['one', 'two', 'three'], ['two']])
    expect(settingsSchema.parse(added)).toEqual(added)
  })

  test('a repeated pairing keeps the name and sources, even with a new certificate', () => {
    const renamed = withRenamed(settings, 'two', 'cellar')
    const moved = withDestination(renamed, { ...receiver('two'), host: 'new.lan' })
    expect(moved.destinations[1]).toMatchObject({ id: 'two', name: 'cellar', host: 'new.lan' })
    const anew = withDestination(renamed, { ...receiver('two'), id: 'other certificate' })
    expect(anew.destinations[1]).toMatchObject({ id: 'other certificate', name: 'cellar' })
    expect(wentTo(anew)).toEqual([['one', 'other certificate'], ['other certificate']])
  })

  test('a known destination at the address of another is refused, also by the check before pairing', () => {
    const moved = { ...receiver('one'), host: 'two.lan' }
    const said = /two\.lan:7766 belongs to the destination “two”.*Remove “two”.*then pair again with “one”/
    expect(() => withDestination(settings, moved)).toThrow(said)
    expect(() => refuseMore(settings, { ...moved, fingerprint: 'one' })).toThrow(said)
    // On another port of that computer, or when the other one is known where it is now, it may.
    expect(withDestination(settings, { ...moved, port: 7767 }).destinations[0]).toMatchObject({ port: 7767 })
    const made = withDestination(withDestination(settings, { ...receiver('two'), host: 'new.lan' }), moved)
    expect(made.destinations.map((one) => [one.id, formatLocation(one)])).toEqual([
      ['one', 'two.lan:7766'],
      ['two', 'new.lan:7766'],
    ])
  })

  test('two destinations at one address are reported when either of them is paired again', () => {
    const both = { ...settings, destinations: [receiver('one'), { ...receiver('two'), host: 'one.lan' }] }
    expect(() => withDestination(both, receiver('one'))).toThrow(/Remove “two”/)
    expect(() => withDestination(both, { ...receiver('two'), host: 'one.lan' })).toThrow(/Remove “one”/)
    const mended = withoutDestination(withSourceChanged(both, 'some', { destinations: null }), 'two')
    expect(withDestination(mended, receiver('one')).destinations.map(({ id }) => id)).toEqual(['one'])
  })

  test('a ninth destination is refused, and pairing a known one again is accepted', () => {
    const many = Array.from({ length: MOST_DESTINATIONS }, (_, index) => receiver(`r${index}`))
    const full = { ...settings, destinations: many }
    expect(() => withDestination(full, receiver('more'))).toThrow(/8 destinations already/)
    expect(withDestination(full, receiver('r3')).destinations).toHaveLength(MOST_DESTINATIONS)
  })

  test('the only destination chosen for a source can be removed only if it is the last one', () => {
    expect(() => withoutDestination(settings, 'two')).toThrow(/These go only to two: some/)
    const edited = { ...settings, sources: [{ ...settings.sources[1], destinations: ['two', 'gone'] }] }
    expect(() => withoutDestination(settingsSchema.parse(edited), 'two')).toThrow(
      /These go only to two: some/,
    )
    const left = withoutDestination(
      withSourceChanged(settings, 'some', { destinations: ['two', 'one'] }),
      'two',
    )
    expect(left.sources.map(({ destinations }) => destinations)).toEqual([null, ['one']])
    expect(wentTo(left)).toEqual([['one'], ['one']])
    expect(wentTo(withoutDestination(left, 'one'))).toEqual([[], []])
    // However the settings came to name one that is not there.
    expect(getSourceDestinations(settings.destinations, { destinations: ['gone'] })).toHaveLength(2)
  })

  test('a removed destination leaves with its muting alone', () => {
    const muted = { two: null, one: null }
    const before = { ...settings, sources: [], alerts: { ...settings.alerts, muted } }
    expect(withoutDestination(before, 'two').alerts).toEqual({ ...before.alerts, muted: { one: null } })
  })

  test('names match regardless of case, and an unknown, taken or invalid name is refused', () => {
    expect(namedDestination(settings.destinations, 'TWO').id).toBe('two')
    expect(() => namedDestination([], 'two')).toThrow(/no destination “two”/)
    expect(() => withRenamed(settings, 'two', 'ONE')).toThrow(/taken by another destination/)
    for (const name of ['  ', 'x'.repeat(201)])
      expect(() => withRenamed(settings, 'two', name)).toThrow(/1 to 200 characters/)
    expect(() => withSourceChanged(settings, 'all', { destinations: ['gone'] })).toThrow(
      /no destination “gone”/,
    )
    expect(wentTo(withSourceChanged(settings, 'all', { destinations: ['one'] }))).toEqual([['one'], ['two']])
    expect(wentTo(withSourceChanged(settings, 'some', { destinations: null }))[1]).toEqual(['one', 'two'])
  })
})

test('destination schema: names can be hidden only where contents are encrypted', () => {
  const folder = { id: 'f', kind: 'folder', name: 'disk', path: '/mnt/disk', hideNames: true }
  expect(destinationSchema.safeParse(folder).error?.issues[0]?.message).toMatch(/only where contents/)
  const recipient = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'
  expect(destinationSchema.parse({ ...folder, recipient })).toMatchObject({ hideNames: true })
})

describe('settings of destinations', () => {
  const server = { host: 'nas.lan', user: 'u', hostKey: `SHA256:${'A'.repeat(43)}`, folder: 'pc' }
  const places = {
    folder: { kind: 'folder', path: '/mnt/disk' },
    sftp: { kind: 'sftp', ...server, path: 'srv' },
    bucket: { kind: 's3', endpoint: 'https://s3.test', bucket: 'b', folder: 'pc' },
    prefixed: { kind: 's3', endpoint: 'https://s3.test', bucket: 'b', prefix: 'p/q', folder: 'pc' },
    webdav: { kind: 'webdav', url: 'https://dav.test/files/', user: 'u', folder: 'pc' },
  }
  const build = (id: string, place: object) =>
    destinationSchema.parse({ id, name: `Name of ${id}`, ...place })
  const others = Object.entries(places).map(([id, place]) => build(id, place))
  const all = settingsSchema.parse({ ...settings, destinations: [...settings.destinations, ...others] })
  const refusedAs = (key: string) => expect.objectContaining({ sentence: expect.objectContaining({ key }) })
  /** Expects that this destination alone has changed, and in these fields alone. */
  const expectChange = (now: typeof settings, id: string, changes: object) =>
    expect(now).toEqual({
      ...all,
      destinations: all.destinations.map((one) => (one.id === id ? { ...one, ...changes } : one)),
    })

  test('the location of each kind is shown', () => {
    expect(all.destinations.map(formatLocation)).toEqual([
      ...['one.lan:7766', 'two.lan:7766', '/mnt/disk', 'sftp://u@nas.lan:22/srv'],
      ...['https://s3.test/b', 'https://s3.test/b/p/q', 'https://dav.test/files/'],
    ])
  })

  test('an added one is the last, with a name, a folder and a place of its own', () => {
    const added = build('new', { kind: 'folder', path: '/mnt/new' })
    expect(withAdded(all, added)).toEqual({ ...all, destinations: [...all.destinations, added] })
    const add = (more: object) => () => withAdded(all, { ...build('new', places.folder), ...more } as never)
    expect(add({})).toThrow(refusedAs('refuse.sameTarget'))
    expect(add({ path: '/mnt/new', name: 'NAME OF SFTP' })).toThrow(refusedAs('refuse.destinationName'))
    expect(add({ path: '/mnt/new', name: '' })).toThrow(refusedAs('refuse.destinationNameLength'))
    const many = Array.from({ length: MOST_DESTINATIONS }, (_, index) => receiver(`r${index}`))
    expect(() => withAdded({ ...all, destinations: many }, added)).toThrow(
      refusedAs('refuse.mostDestinations'),
    )
    expect(() => withAdded({ ...all, destinations: many.slice(1) }, added)).not.toThrow()
  })

  test('a changed one keeps its place, where its files are, and its samples', () => {
    const next = (more: object) => build('sftp', { ...places.sftp, ...more })
    expectChange(withDestinationChanged(all, next({ host: 'new.lan' })), 'sftp', { host: 'new.lan' })
    const sampled = withSamples(all, 'sftp', 'off' as never)
    expectChange(sampled, 'sftp', { samples: 'off' })
    const changed = withDestinationChanged(sampled, next({ host: 'new.lan' }))
    expectChange(changed, 'sftp', { host: 'new.lan', samples: 'off' })
    const change = (more: object) => () => withDestinationChanged(all, next(more))
    expect(change({ path: 'other' })).toThrow(refusedAs('refuse.otherTarget'))
    expect(change({ name: 'name of Folder' })).toThrow(refusedAs('refuse.destinationName'))
  })

  test('proposals are accepted of receivers alone', () => {
    const accepting = withAcceptProposals(all, 'two', true)
    expectChange(accepting, 'two', { acceptProposals: true })
    expect(withAcceptProposals(accepting, 'two', false)).toEqual(all)
    expect(() => withAcceptProposals(all, 'sftp', true)).toThrow(refusedAs('refuse.proposalKind'))
  })

  test('folders alone are ejected, and used again', () => {
    const ejected = { at: 5 } as never
    const now = withEjected(all, 'folder', ejected)
    expectChange(now, 'folder', { ejected })
    expect([getEjected(all), getEjected(now).map(({ id }) => id)]).toEqual([[], ['folder']])
    expect(withEjected(now, 'folder', null)).toEqual(all)
    expect(() => withEjected(all, 'sftp', ejected)).toThrow(refusedAs('refuse.ejectKind'))
  })
})
