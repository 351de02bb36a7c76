import { describe, expect, test } from 'vitest'
import { kinds } from '../../../core/backends/kinds.ts'
import type { Destination } from '../../../core/settings/destination-schema.ts'
import { destinationSchema, givenDestinationSchema } from '../../../core/settings/destination-schema.ts'
import {
  completeDestination,
  secretsOfDestination,
  withAdded,
  withDestinationChanged,
} from '../../../core/settings/destinations.ts'
import { defaultSettings } from '../../../core/settings/schema.ts'

const HOST_KEY = `SHA256:${'A'.repeat(43)}`
const make = (given: object, id: string): Destination =>
  completeDestination(givenDestinationSchema.parse(given), id, 'pc: 1')
const folder = (id: string, path: string, name = id) => make({ kind: 'folder', name, path }, id)
const sftp = (id: string, more: object = {}) =>
  make({ kind: 'sftp', name: id, host: 'nas', user: 'me', hostKey: HOST_KEY, path: 'backup', ...more }, id)
const webdav = (id: string, more: object = {}) =>
  make({ kind: 'webdav', name: id, url: 'https://cloud/dav', user: 'me', ...more }, id)
const s3 = (id: string, more: object = {}) =>
  make({ kind: 's3', name: id, endpoint: 'https://store', bucket: 'b', prefix: 'p', ...more }, id)

const added = (...all: Destination[]) => all.reduce(withAdded, defaultSettings)
const why = (act: () => unknown): string => {
  try {
    act()
  } catch (error) {
    return (error as { sentence: { key: string } }).sentence.key
  }
  return 'nothing'
}

test("destination folder: the default is the computer's name with invalid characters replaced", () => {
  expect(sftp('a')).toMatchObject({ folder: 'pc_ 1' })
  expect(sftp('a', { folder: 'mine' })).toMatchObject({ folder: 'mine' })
})

describe('adding a destination', () => {
  test.each([
    ['the same folder is refused', [folder('a', '/disk'), folder('b', '/disk')], 'refuse.sameTarget'],
    ['another folder is accepted', [folder('a', '/disk'), folder('b', '/disk2')], 'nothing'],
    [
      'the same directory of a server is refused',
      [sftp('a'), sftp('b', { user: 'other', host: 'NAS' })],
      'refuse.sameTarget',
    ],
    ['another port is accepted', [sftp('a'), sftp('b', { port: 2222 })], 'nothing'],
    ['another folder on the server is accepted', [sftp('a'), sftp('b', { folder: 'other' })], 'nothing'],
    ['the same prefix of a bucket is refused', [s3('a'), s3('b', { region: 'x' })], 'refuse.sameTarget'],
    ['the same WebDAV folder is refused', [webdav('a'), webdav('b', { user: 'x' })], 'refuse.sameTarget'],
    ['another prefix is accepted', [s3('a'), s3('b', { prefix: '' })], 'nothing'],
    [
      'a name that is taken is refused',
      [folder('a', '/disk', 'Disk'), folder('b', '/b', 'disk')],
      'refuse.destinationName',
    ],
    ['an empty name is refused', [folder('a', '/disk', ' ')], 'refuse.destinationNameLength'],
    ['an invalid folder name is refused', [sftp('a', { folder: 'a:b' })], 'refuse.destinationFolder'],
    [
      'a ninth destination is refused',
      Array.from({ length: 9 }, (_, index) => folder(`${index}`, `/disk${index}`)),
      'refuse.mostDestinations',
    ],
  ])('%s', (_, all, expected) => {
    expect(why(() => added(...all))).toBe(expected)
  })
})

describe('changing a destination', () => {
  test('a new address, user or name is accepted and keeps the position; another target is refused', () => {
    const settings = added(sftp('a'), folder('b', '/disk'))
    const user = sftp('a', { user: 'other', name: 'new' })
    expect(withDestinationChanged(settings, user).destinations).toEqual([user, settings.destinations[1]])
    const moved = sftp('a', { host: '192.168.1.9', port: 2222 })
    expect(withDestinationChanged(settings, moved).destinations).toEqual([moved, settings.destinations[1]])
    const store = s3('a', { endpoint: 'https://new.example.org' })
    expect(withDestinationChanged(added(s3('a')), store).destinations).toEqual([store])
    const cloud = webdav('a', { url: 'https://new.example.org/remote.php/dav' })
    expect(withDestinationChanged(added(webdav('a')), cloud).destinations).toEqual([cloud])
    expect(why(() => withDestinationChanged(added(s3('a')), s3('a', { bucket: 'other' })))).toBe(
      'refuse.otherTarget',
    )
    expect(
      why(() => withDestinationChanged(added(sftp('a'), sftp('b', { port: 2 })), sftp('a', { port: 2 }))),
    ).toBe('refuse.sameTarget')
    expect(why(() => withDestinationChanged(settings, sftp('a', { path: 'x' })))).toBe('refuse.otherTarget')
    const receiver = { id: 'r', kind: 'receiver' as const, name: 'r', host: 'a', port: 1, fingerprint: 'f' }
    const paired = { ...defaultSettings, destinations: [receiver] }
    const there = { ...receiver, host: 'b', port: 2 }
    expect(withDestinationChanged(paired, there).destinations).toEqual([there])
    expect(why(() => withDestinationChanged(paired, { ...there, fingerprint: 'g' }))).toBe(
      'refuse.otherTarget',
    )
    expect(why(() => withDestinationChanged(settings, folder('a', '/x')))).toBe('refuse.otherTarget')
    expect(why(() => withDestinationChanged(settings, sftp('c')))).toBe('refuse.noSuchDestination')
    expect(why(() => withDestinationChanged(settings, sftp('a', { name: 'b' })))).toBe(
      'refuse.destinationName',
    )
  })
})

test('destination secrets: each kind and login has its own secret fields', () => {
  const names = (one: Destination) => secretsOfDestination(one).fields.map(({ name }) => name)
  expect(names(folder('a', '/disk'))).toEqual([])
  expect(names(s3('a'))).toEqual(['accessKey', 'secretKey'])
  expect(names(webdav('a'))).toEqual(['password'])
  const logins = ['password', 'key', 'file', 'agent'].map((login) => names(sftp('a', { login })))
  expect(logins).toEqual([['password'], ['key', 'passphrase'], ['passphrase'], []])
})

test('destination catalog: it has the fields of each kind in the settings', () => {
  const general = ['id', 'name', 'samples', 'kind', 'acceptProposals', 'ejected', 'recipient', 'hideNames']
  const inSettings = destinationSchema.options.map(({ shape }) => [
    shape.kind.value,
    Object.keys(shape)
      .filter((name) => !general.includes(name))
      .sort(),
  ])
  const inCatalog = Object.entries(kinds).map(([kind, { fields }]) => [
    kind,
    fields.flatMap(({ role, name }) => (role === 'secret' ? [] : [name])).sort(),
  ])
  expect(inCatalog).toEqual(inSettings)
})
