import { describe, expect, test } from 'vitest'
import { destinationSchemas, givenDestinationSchema } from '../../../core/settings/destination-schema.ts'
import { type Draft, newDraft } from '../../../renderer/features/destinations/draft.ts'
import { readDraft, suggestName, toDraft } from '../../../renderer/features/destinations/forms.ts'
import { splitTyped } from '../../../renderer/features/destinations/s3-fields.tsx'
import { splitAddress } from '../../../renderer/features/destinations/sftp-fields.tsx'

const HOST_KEY = `SHA256:${'a'.repeat(43)}`
const RECIPIENT = `age1${'q'.repeat(58)}`
const KEY = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n'
const typed = (changes: Partial<Draft>): Draft => ({ ...newDraft(), ...changes })
const sftp = (changes: Partial<Draft> = {}) =>
  typed({ host: 'nas.lan', user: 'ada', hostKey: HOST_KEY, secrets: { password: ' p w ' }, ...changes })
const s3 = (changes: Partial<Draft> = {}) =>
  typed({
    endpoint: 'https://s3.example.org/',
    bucket: 'station',
    secrets: { accessKey: ' AK ', secretKey: 'SK' },
    ...changes,
  })

const webdav = (changes: Partial<Draft> = {}) =>
  typed({ url: 'https://cloud.lan/dav/', user: 'ada', secrets: { password: ' p w ' }, ...changes })

describe('destination draft', () => {
  test('the fields of a folder’s or server’s form become a destination that the agent accepts', () => {
    const all = [
      readDraft('folder', typed({ path: ' /mnt/backup/ ' }), []),
      readDraft('sftp', sftp(), []),
      readDraft('s3', s3({ prefix: '/a/b/', storageClass: ' STANDARD_IA ', lockDays: ' 90 ' }), []),
      readDraft('webdav', webdav(), []),
    ]
    for (const { given, problems } of all) {
      expect(problems).toEqual({})
      expect(givenDestinationSchema.safeParse(given?.destination).error).toBeUndefined()
    }
    expect(all.map(({ given }) => given?.destination.name)).toEqual([
      ...['backup', 'nas.lan', 'station', 'cloud.lan'],
    ])
    expect(all[3]?.given).toMatchObject({
      destination: { url: 'https://cloud.lan/dav', certificate: null },
      secrets: { password: ' p w ' },
    })
    expect(all[2]?.given?.destination).toMatchObject({
      endpoint: 'https://s3.example.org',
      prefix: 'a/b',
      storageClass: 'STANDARD_IA',
      lockDays: 90,
      certificate: null,
    })
  })

  test('a lock has whole days, or none', () => {
    const read = (lockDays: string) => readDraft('s3', s3({ lockDays }), [])
    expect(read('').given?.destination).toMatchObject({ lockDays: null })
    for (const wrong of ['0', '1.5', '-3', 'x', '40000'])
      expect(read(wrong)).toMatchObject({ given: null, problems: { lockDays: 'invalid' } })
    const { destination } = read('30').given ?? expect.fail()
    const known = destinationSchemas.s3.parse({ id: 'b', folder: 'pc', ...destination })
    expect(toDraft(known, []).lockDays).toBe('30')
  })

  test('a password keeps its surrounding spaces, and an access key loses them', () => {
    expect(readDraft('sftp', sftp(), []).given?.secrets).toEqual({ password: ' p w ' })
    expect(readDraft('s3', s3(), []).given?.secrets).toEqual({ accessKey: 'AK', secretKey: 'SK' })
  })

  test('an SFTP address pasted as the host is split into its fields', () => {
    expect(splitAddress(' sftp://ada@nas.lan:2222//srv/x ')).toEqual({
      ...{ host: 'nas.lan', user: 'ada', port: '2222', path: '/srv/x' },
    })
    expect(splitAddress('ada@[2001:db8::1]:backup')).toEqual({
      host: '2001:db8::1',
      user: 'ada',
      path: 'backup',
    })
    expect(splitAddress('[2001:db8::1]')).toEqual({ host: '2001:db8::1' })
    // Also where nobody has left the field yet.
    const { given } = readDraft('sftp', sftp({ host: 'eve@nas.lan:2222/backup' }), [])
    expect(given?.destination).toMatchObject({ name: 'nas.lan', host: 'nas.lan', user: 'eve', port: 2222 })
    for (const plain of ['nas.lan', '10.0.0.7', '2001:db8::1', '', 'sftp://a:secret@nas'])
      expect(splitAddress(plain)).toBeNull()
  })

  test('a folder typed after the bucket name becomes the prefix', () => {
    const split = (bucket: string, prefix = '') => splitTyped(s3({ bucket, prefix }))
    expect(split('lab-data/station/')).toEqual({ bucket: 'lab-data', prefix: 'station' })
    expect(split('s3://lab-data/a', 'b')).toEqual({ bucket: 'lab-data', prefix: 'a/b' })
    expect(split('lab-data')).toBeNull()
  })

  test('a missing or invalid value is reported at its field, and no destination is passed on', () => {
    const wrong: [ReturnType<typeof readDraft>, object][] = [
      [readDraft('folder', typed({}), []), { path: 'missing' }],
      [readDraft('folder', typed({ path: 'mnt/backup' }), []), { path: 'invalid' }],
      [readDraft('sftp', sftp({ host: 'a/b' }), []), { host: 'invalid' }],
      [readDraft('sftp', sftp({ port: '70000' }), []), { port: 'invalid' }],
      [readDraft('sftp', sftp({ user: '', secrets: {} }), []), { user: 'missing', password: 'missing' }],
      [readDraft('sftp', sftp({ folder: '../b' }), []), { folder: 'invalid' }],
      [
        readDraft('sftp', sftp({ login: 'key', secrets: { key: 'ssh-ed25519 AAAA' } }), []),
        { key: 'invalid' },
      ],
      [readDraft('sftp', sftp({ login: 'file' }), []), { keyFile: 'missing' }],
      [readDraft('s3', s3({ endpoint: 's3.example.org' }), []), { endpoint: 'invalid' }],
      [readDraft('s3', s3({ bucket: 'a/b' }), []), { bucket: 'invalid' }],
      [readDraft('webdav', webdav({ url: 'http://cloud.lan/dav' }), []), { url: 'invalid' }],
      [
        readDraft('webdav', webdav({ url: 'https://a:b@cloud.lan', user: 'a:b' }), []),
        { url: 'invalid', user: 'invalid' },
      ],
      [readDraft('s3', s3({ secrets: {} }), []), { accessKey: 'missing', secretKey: 'missing' }],
    ]
    for (const [{ given, problems }, expected] of wrong) {
      expect(given).toBeNull()
      expect(problems).toEqual(expected)
    }
  })

  test('a login by SSH agent or AWS files passes on no secrets', () => {
    const { given } = readDraft('sftp', sftp({ login: 'agent' }), [])
    expect(given?.secrets).toEqual({})
    expect(readDraft('s3', s3({ credentials: 'aws' }), []).given?.secrets).toEqual({})
  })
})

describe('destination draft, encryption', () => {
  test('a new key is accepted only after the person confirms having kept it', () => {
    const made = { encrypt: 'newKey', recipient: RECIPIENT } as const
    expect(readDraft('s3', s3(made), []).problems).toEqual({ isKeyKept: 'missing' })
    const { given } = readDraft('s3', s3({ ...made, isKeyKept: true }), [])
    expect(given?.destination).toMatchObject({ recipient: RECIPIENT })
  })

  test('an existing key requires its public half, and its secret half is refused', () => {
    expect(readDraft('s3', s3({ encrypt: 'ownKey' }), []).problems).toEqual({ recipient: 'missing' })
    const secret = s3({ encrypt: 'ownKey', recipient: 'AGE-SECRET-KEY-1QQ' })
    expect(readDraft('s3', secret, []).problems).toEqual({ recipient: 'invalid' })
  })
})

describe('destination draft, editing', () => {
  const server = destinationSchemas.sftp.parse({
    ...{ id: 'd', name: 'nas', kind: 'sftp', host: 'nas.lan', port: 2222, user: 'ada' },
    ...{ login: 'key', hostKey: HOST_KEY, folder: 'station-3', recipient: RECIPIENT },
  })
  const bucket = destinationSchemas.s3.parse({
    ...{ id: 'd', name: 'cloud', kind: 's3', endpoint: 'https://s3.example.org', bucket: 'station' },
    folder: 'station-3',
  })
  const folder = destinationSchemas.webdav.parse({
    ...{ id: 'd', name: 'cloud', kind: 'webdav', url: 'http://127.0.0.1:80/dav', user: 'ada' },
    ...{ certificate: 'a'.repeat(64), folder: 'station-3' },
  })
  const without = <D extends { id: string }>({ id: _id, ...rest }: D) => rest

  test('an unchanged draft gives the same destination without its stored secrets', () => {
    const stored = ['key', 'passphrase']
    const draft = toDraft(server, stored)
    expect(readDraft('sftp', draft, stored).given).toEqual({ destination: without(server), secrets: {} })
    const keys = ['accessKey', 'secretKey']
    const same = readDraft('s3', toDraft(bucket, keys), keys)
    expect(same.given).toEqual({ destination: without(bucket), secrets: {} })
    const cloud = toDraft(folder, ['password'])
    expect(readDraft('webdav', cloud, ['password']).given).toEqual({
      destination: without(folder),
      secrets: {},
    })
  })

  test('a new private key clears the passphrase of the previous one', () => {
    const stored = ['key', 'passphrase']
    const draft = { ...toDraft(server, stored), secrets: { key: KEY } }
    expect(readDraft('sftp', draft, stored).given?.secrets).toEqual({ key: KEY, passphrase: '' })
  })

  test('stored access keys are cleared when AWS files are chosen as credentials', () => {
    const stored = ['accessKey', 'secretKey']
    const draft: Draft = { ...toDraft(bucket, stored), credentials: 'aws' }
    expect(readDraft('s3', draft, stored).given?.secrets).toEqual({ accessKey: '', secretKey: '' })
    expect(toDraft(bucket, []).credentials).toBe('aws')
  })
})

test('destination name: the default is the last part of the path, and empty without a bucket', () => {
  expect(suggestName('folder', typed({ path: 'D:\\backup\\' }))).toBe('backup')
  expect(suggestName('s3', typed({}))).toBe('')
})
