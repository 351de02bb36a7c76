import { describe, expect, test } from 'vitest'
import type { Destination } from '../../../core/settings/destination-schema.ts'
import { givenDestinationSchema } from '../../../core/settings/destination-schema.ts'
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

test("this computer's folder has its name, made valid", () => {
  expect(sftp('a')).toMatchObject({ folder: 'pc_ 1' })
  expect(sftp('a', { folder: 'mine' })).toMatchObject({ folder: 'mine' })
})

describe('a destination that is added', () => {
  test.each([
    ['the same folder', [folder('a', '/disk'), folder('b', '/disk')], 'refuse.sameTarget'],
    ['another folder', [folder('a', '/disk'), folder('b', '/disk2')], 'nothing'],
    [
      'the same directory of a server',
      [sftp('a'), sftp('b', { user: 'other', host: 'NAS' })],
      'refuse.sameTarget',
    ],
    ['another port', [sftp('a'), sftp('b', { port: 2222 })], 'nothing'],
    ['another folder there', [sftp('a'), sftp('b', { folder: 'other' })], 'nothing'],
    ['the same prefix of a bucket', [s3('a'), s3('b', { region: 'x' })], 'refuse.sameTarget'],
    ['another prefix', [s3('a'), s3('b', { prefix: '' })], 'nothing'],
    [
      'a name that is taken',
      [folder('a', '/disk', 'Disk'), folder('b', '/b', 'disk')],
      'refuse.destinationName',
    ],
    ['no name', [folder('a', '/disk', ' ')], 'refuse.destinationNameLength'],
    ['a folder that cannot be', [sftp('a', { folder: 'a:b' })], 'refuse.destinationFolder'],
    [
      'one too many',
      Array.from({ length: 9 }, (_, index) => folder(`${index}`, `/disk${index}`)),
      'refuse.mostDestinations',
    ],
  ])('%s', (_, all, expected) => {
    expect(why(() => added(...all))).toBe(expected)
  })
})

describe('a destination that is changed', () => {
  test('keeps its place; how it is reached may be another way', () => {
    const settings = added(sftp('a'), folder('b', '/disk'))
    const user = sftp('a', { user: 'other', name: 'new' })
    expect(withDestinationChanged(settings, user).destinations).toEqual([user, settings.destinations[1]])
    const moved = sftp('a', { host: '192.168.1.9', port: 2222 })
    expect(withDestinationChanged(settings, moved).destinations).toEqual([moved, settings.destinations[1]])
    const store = s3('a', { endpoint: 'https://new.example.org' })
    expect(withDestinationChanged(added(s3('a')), store).destinations).toEqual([store])
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

test('each kind has its own secrets', () => {
  const names = (one: Destination) => secretsOfDestination(one).fields.map(({ name }) => name)
  expect(names(folder('a', '/disk'))).toEqual([])
  expect(names(s3('a'))).toEqual(['accessKey', 'secretKey'])
  const logins = ['password', 'key', 'file', 'agent'].map((login) => names(sftp('a', { login })))
  expect(logins).toEqual([['password'], ['key', 'passphrase'], ['passphrase'], []])
})
