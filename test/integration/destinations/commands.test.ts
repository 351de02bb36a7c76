import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { sendCommand } from '../../../core/agent/control-socket.ts'
import type { Incident } from '../../../core/alerts/incident.ts'
import { newEncryptionKey } from '../../../core/settings/secrets.ts'
import { readState, untilState } from '../../support/agent/two-receivers.ts'
import { type Headless, headless, waitForEnd } from '../../support/alerts/headless.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { type SftpServer, startSftpServer } from '../../support/servers/sftp.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree } from '../../support/trees.ts'
import { until } from '../../support/until.ts'

const secretsIn = (data: string) => JSON.parse(readFileSync(path.join(data, 'secrets.json'), 'utf8')).owners

const running = ({ directory }: Headless) => until('the agent to run', () => readState(directory))

describe.each([
  ['while an agent runs', true],
  ['while no agent runs', false],
])('`holdfast destinations` with a folder, %s', (_, isRunning) => {
  test('the folder is tested, added and removed, and a place that overlaps a source or destination is rejected', async () => {
    const base = temporaryDirectory('commands')
    const [disk, source] = ['disk', 'source'].map((name) => path.join(base, name)) as [string, string]
    for (const directory of [disk, source]) mkdirSync(directory)
    const home = headless({ sources: [{ id: 'a', path: source, name: 'source' }] })
    if (isRunning) {
      home.startAgent()
      await running(home)
    }
    const added = JSON.parse(
      await home.says(['destinations', 'add', 'folder', disk, '--name', 'second disk', '--json']),
    )
    expect(added).toMatchObject({ kind: 'folder', name: 'second disk', path: disk })
    expect(readdirSync(disk)).toEqual(['.holdfast'])
    for (const [directory, name, why] of [
      [disk, 'other', 'goes to this very place'],
      [path.join(base, 'nowhere'), 'other', 'does not exist'],
      [source, 'other', 'overlap'],
      [base, 'other', 'overlap'],
      [temporaryDirectory('free'), 'Second Disk', 'is taken by another destination'],
    ] as const) {
      const { code, err } = await home.run(['destinations', 'add', 'folder', directory, '--name', name])
      expect([code, err]).toEqual([1, expect.stringContaining(why)])
    }
    // The window asks so before anything is added.
    const tested = { kind: 'folder', name: 'other', path: source, recipient: null, hideNames: false }
    if (isRunning)
      await expect(
        sendCommand(home.directory, 'testDestination', { destination: tested, secrets: {} }),
      ).rejects.toThrow('overlap')
    expect(await home.says(['destinations', 'test', 'second disk'])).toMatch(
      /works: .*\n {2}connect: done, \d+ ms\n {2}write: done.*\n {2}read: done.*\n {2}remove: done.*\n {2}It is on the same disk as source: .*\n {2}It is on this/,
    )
    // Underneath a disk that is away Holdfast's own directory is not there.
    const [own, away] = [path.join(disk, '.holdfast'), path.join(base, 'away')]
    renameSync(own, away)
    const notMounted = { key: 'transfer.notMounted', params: { name: 'second disk', path: disk } }
    for (const words of [
      ['destinations', 'test', 'second disk', '--json'],
      ['verify', disk, '--json'],
    ])
      expect(JSON.parse((await home.run(words)).out)).toMatchObject({ sentence: notMounted })
    renameSync(away, own)
    if (isRunning) {
      // Without a sent file, no file is proven.
      const { code, out } = await home.run(['verify', 'second disk'])
      expect([code, out]).toEqual([2, expect.stringContaining('Nothing was verified')])
    }
    await home.says(['destinations', 'remove', 'second disk'])
    expect(await home.says(['destinations', 'add', 'folder', disk])).toMatch(
      /works, and was added: .*\n {2}It is on the same disk as source: .*\n {2}It is on this computer/,
    )
    await home.says(['destinations', 'remove', 'disk'])
    expect(existsSync(path.join(disk, '.holdfast'))).toBe(true)

    const { recipient } = await newEncryptionKey()
    const vault = path.join(base, 'vault')
    mkdirSync(vault)
    const words = ['destinations', 'add', 'folder', vault, '--hide-names']
    const { code, err } = await home.run(words)
    expect([code, err]).toEqual([2, expect.stringContaining('--recipient')])
    expect(JSON.parse(await home.says([...words, '--recipient', recipient, '--json']))).toMatchObject({
      recipient,
      hideNames: true,
    })
  })
})

test('added folder destination: receives files, has its disk checked, and is named in an incident of that disk', async () => {
  const base = temporaryDirectory('commands')
  const [folder, disk, source] = ['folder', 'disk', 'source'].map((name) => path.join(base, name)) as [
    string,
    string,
    string,
  ]
  for (const directory of [folder, disk, source]) mkdirSync(directory)
  execFileSync('mount', ['--bind', disk, folder])
  onTestFinished(() => {
    spawnSync('umount', ['-l', folder])
  })
  writeFileSync(path.join(source, 'file'), 'content')
  const home = headless({
    sources: [{ id: 'a', path: source, name: 'source' }],
    check: { intervalSeconds: 1 },
  })
  home.startAgent()
  await running(home)
  await home.says(['destinations', 'add', 'folder', folder, '--name', 'second disk'])
  const state = await untilState(
    home.directory,
    'it to be there',
    ({ destinations: [first] }) => first?.totals.sentFiles === 1,
  )
  expect(state.destinations).toMatchObject([{ kind: 'folder', name: 'second disk', elsewhere: false }])
  expect(readTree(path.join(disk, hostname(), 'source'))).toEqual(readTree(source))
  execFileSync('umount', ['-l', folder])
  // On a busy machine a late check of the source may be an incident, too.
  const isOfDisk = ({ endedAt, paths }: Incident) =>
    endedAt === null && Object.values(paths).includes('second disk')
  const { incidents } = await untilState(home.directory, 'the incident', (now) =>
    now.incidents.some(isOfDisk),
  )
  // One sentence for it, whoever says it.
  const sentence = { key: 'transfer.notMounted', params: { name: 'second disk', path: folder } }
  expect(incidents.find(isOfDisk)).toMatchObject({ kind: 'missing', sentence })
  expect(JSON.parse(await home.says(['destinations', '--json']))).toMatchObject([
    { name: 'second disk', failure: { kind: 'missing', severity: 'critical', sentence } },
  ])
  expect(readdirSync(folder)).toEqual([])
})

describe('`holdfast destinations` with an SFTP server', () => {
  let server: SftpServer
  beforeAll(async () => {
    server = await startSftpServer()
  })
  afterAll(() => server.stop())

  test('a server is added once its host key is given, and its secrets are removed with it', async () => {
    const home = headless()
    home.startAgent()
    await running(home)
    const { port, user, hostKey, keyFile, key } = server
    const target = `${user}@127.0.0.1:${port}:${temporaryDirectory('sftp')}`
    const words = ['destinations', 'add', 'sftp', target, '--name', 'nas', '--secret', `key=${keyFile}`]
    const asked = await home.run(words)
    expect([asked.code, asked.err]).toEqual([1, expect.stringContaining(`--host-key ${hostKey}`)])
    const wrong = await home.run([...words, '--host-key', `SHA256:${'A'.repeat(43)}`])
    expect(wrong.code).toBe(1)
    expect(existsSync(path.join(home.directory, 'secrets.json'))).toBe(false)

    const said = await home.says([...words, '--host-key', hostKey])
    expect(said).toContain('nas works, and was added')
    const { settings } = await readState(home.directory)
    expect(JSON.stringify(settings)).not.toContain(key.trim().split('\n')[1])
    const [{ id } = { id: '' }] = settings.destinations
    expect(secretsIn(home.directory)).toEqual({ [id]: { key: { plain: key.trim() } } })
    expect(await home.says(['destinations', 'test', 'nas'])).toContain('nas works')
    await home.says(['destinations', 'remove', 'nas'])
    expect(secretsIn(home.directory)).toEqual({})
  })

  test('a mode change of a sent file changes the mode of its stored copy without a new version', async () => {
    const base = temporaryDirectory('mode')
    const [directory, at] = ['source', 'there'].map((name) => path.join(base, name)) as [string, string]
    for (const one of [directory, at]) mkdirSync(one)
    const key = path.join(directory, 'private.key')
    writeFileSync(key, 'secret', { mode: 0o644 })
    const home = headless({ sources: [{ id: 'a', path: directory, name: 'source' }] })
    home.startAgent()
    await running(home)
    const target = `${server.user}@127.0.0.1:${server.port}:${at}`
    const words = ['destinations', 'add', 'sftp', target, '--name', 'nas', '--key-file', server.keyFile]
    await home.says([...words, '--host-key', server.hostKey])
    const copy = path.join(at, hostname(), 'source/private.key')
    await until('it is sent', () => existsSync(copy))
    expect(statSync(copy).mode & 0o777).toBe(0o644)
    const { ino } = statSync(copy)
    chmodSync(key, 0o600)
    await until('it is closed there', () => (statSync(copy).mode & 0o777) === 0o600)
    // It is the same file still: nothing was sent in its place.
    expect(statSync(copy).ino).toBe(ino)
    expect(existsSync(path.join(at, hostname(), '.holdfast/versions'))).toBe(false)
  })

  test('--known-hosts adds a server only if the file contains its host key', async () => {
    const home = headless()
    const { port, user, hostKey, keyFile } = server
    const directory = temporaryDirectory('sftp')
    const file = path.join(temporaryDirectory('known'), 'known_hosts')
    const line = String(execFileSync('ssh-keyscan', ['-p', `${port}`, '127.0.0.1'], { stdio: 'pipe' }))
      .split('\n')
      .find((one) => one.startsWith('['))
    const target = `sftp://${user}@127.0.0.1:${port}/${directory}`
    const words = ['destinations', 'add', 'sftp', target, '--name', 'nas', '--key-file', keyFile]
    const add = [...words, '--known-hosts', file]
    const refused = async (text: string, expected: string) => {
      writeFileSync(file, text)
      const { code, err } = await home.run(add)
      expect([code, err]).toEqual([1, expect.stringContaining(expected)])
    }
    await refused('', 'has no key of 127.0.0.1')
    await refused(`@revoked ${line}\n`, 'marks as revoked')
    await refused(`@cert-authority ${line}\n`, 'are not supported')
    const other = readFileSync(`${keyFile}.pub`, 'utf8')
    await refused(`[127.0.0.1]:${port} ${other}\n`, 'has other keys of it')
    writeFileSync(file, `[127.0.0.1]:${port} ${other}${line}\n`)
    execFileSync('ssh-keygen', ['-H', '-f', file], { stdio: 'ignore' })
    expect(await home.says([...add, '--json'])).toContain(`"hostKey":"${hostKey}"`)
    expect(await home.says(['destinations'])).toContain(target)
    await home.says(
      ['destinations', 'change', 'nas', '--host', `sftp://${user}@localhost:${port}`].concat(
        '--host-key',
        hostKey,
      ),
    )
    expect(await home.says(['destinations'])).toContain(`sftp://${user}@localhost:${port}/`)
  })

  test('a new host key is accepted by `destinations change`, which rejects a login that does not work', async () => {
    const home = headless()
    const { port, user, hostKey, keyFile } = server
    const target = `${user}@127.0.0.1:${port}:${temporaryDirectory('sftp')}`
    await home.says(
      ['destinations', 'add', 'sftp', target, '--name', 'nas', '--key-file', keyFile].concat(
        '--host-key',
        hostKey,
      ),
    )
    const file = path.join(home.directory, 'settings.json')
    const before = readFileSync(file, 'utf8')
    writeFileSync(file, before.replace(hostKey, `SHA256:${'A'.repeat(43)}`))
    const tested = await home.run(['destinations', 'test', 'nas'])
    expect([tested.code, tested.err]).toEqual([1, expect.stringContaining('destinations change NAME')])
    const asked = await home.run(['destinations', 'change', 'nas'])
    const needed = `--host-key ${hostKey}. Nothing was changed.`
    expect([asked.code, asked.err]).toEqual([1, expect.stringContaining(needed)])
    expect(await home.says(['destinations', 'change', 'nas', '--host-key', hostKey])).toContain('nas works')
    expect(await home.says(['destinations', 'test', 'nas'])).toContain('nas works')
    // It has moved, and shows the key that it had: nothing is asked.
    await home.says(['destinations', 'change', 'nas', '--host', 'localhost'])
    expect(await home.says(['destinations'])).toContain(`localhost:${port}`)

    const changed = readFileSync(file, 'utf8')
    const wrong = await home.run(['destinations', 'change', 'nas', '--key-file', `${keyFile}-none`])
    expect(wrong.code).toBe(1)
    const strange = await home.run(['destinations', 'change', 'nas', '--region', 'here'])
    expect([strange.code, strange.err]).toEqual([2, expect.stringContaining('no --region')])
    expect(readFileSync(file, 'utf8')).toBe(changed)
  })

  test('a secret is read from the environment, and a missing one is named', async () => {
    const home = headless()
    const target = `${server.user}@127.0.0.1:${server.port}`
    const words = ['destinations', 'add', 'sftp', target, '--host-key', server.hostKey]
    const without = await home.run(words)
    expect([without.code, without.err]).toEqual([1, expect.stringContaining('HOLDFAST_PASSWORD')])
    const env = { HOLDFAST_HOME: home.directory, HOLDFAST_PASSWORD: 'wrong-one-4711' }
    const refused = await waitForEnd(startHoldfast(words, env))
    expect(refused.code).toBe(1)
    expect(refused.err).not.toContain('wrong-one-4711')
    expect(refused.err).not.toContain('is missing')
  })
})

test('`holdfast destinations add`: rejects invalid arguments with exit code 2 and the reason', async () => {
  const home = headless()
  for (const [words, why] of [
    [['sftp', 'nas'], 'must be like user@host'],
    [['s3', 'store', 'bucket'], 'endpoint'],
    [['s3', 'https://me:secret@store', 'bucket'], 'without user, password'],
    [['webdav', 'http://cloud/dav', '--user', 'me'], 'must begin with https://'],
    [['webdav', 'https://cloud/dav'], '--user'],
    [['sftp', 'me@nas', '--host-key', 'SHA256:AAAA'], 'hostKey: must be SHA256: and 43'],
    [['folder', '/srv', '--recipient', 'age1abc'], 'must be a whole public key of age'],
  ] as const) {
    const { code, err } = await home.run(['destinations', 'add', ...words])
    expect([code, err]).toEqual([2, expect.stringContaining(why)])
  }
})
