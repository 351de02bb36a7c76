import { readdirSync } from 'node:fs'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BootedRoot, bootRoot } from '../support/package/booted-root.ts'
import { type CleanRoot, makeCleanRoot, USER } from '../support/package/clean-root.ts'
import { until } from '../support/until.ts'

const project = path.resolve(import.meta.dirname, '../..')
const output = path.join(project, 'out/package-cli')
const DEB = '/srv/holdfast.deb'
const STORE = '/srv/holdfast'
const DATA = '/var/lib/holdfast-agent'
const RECEIVED = '/var/lib/holdfast-receive'
const PACKAGES = 'systemd-sysv,systemd-container,dbus,dbus-user-session,libpam-systemd,sudo'

let root: CleanRoot
let machine: BootedRoot
let before: Set<string>
const inRoot = (...parts: string[]) => path.join(root.directory, ...parts)
const run = (...words: string[]) => machine.run(...words)
const asUser = (...words: string[]) =>
  run('sudo', '-u', USER.name, '-H', 'env', `XDG_RUNTIME_DIR=/run/user/${USER.id}`, ...words)
const property = async (unit: string, name: string) =>
  (await run('systemctl', 'show', '--property', name, '--value', unit)).trim()

beforeAll(async () => {
  const deb = readdirSync(output).find((name) => name.endsWith('.deb'))
  if (deb === undefined) throw new Error('there is no package: npm run package -- cli')
  root = await makeCleanRoot(PACKAGES)
  await copyFile(path.join(output, deb), inRoot(DEB))
  await writeFile(inRoot('/etc/hostname'), 'station\n')
  await writeFile(inRoot('/etc/hosts'), '127.0.0.1 localhost station\n')
  machine = await bootRoot(root.directory)
  before = await root.files()
  await run('dpkg', '--install', DEB)
}, 600_000)

afterAll(async () => {
  await machine?.close()
  await root?.remove()
}, 60_000)

/** Runs under a filter of system calls, at most this much exposed as systemd counts it. */
async function expectShutIn(unit: string): Promise<void> {
  const status = await run('cat', `/proc/${await property(unit, 'MainPID')}/status`)
  expect(status).toMatch(/^Seccomp:\t2$/m)
  expect(status).toMatch(/^NoNewPrivs:\t1$/m)
}

const stored = (name: string) =>
  until(`${name} in the store`, () =>
    readFile(inRoot(STORE, 'station/photos', name), 'utf8').catch(() => null),
  )

test('system services: a receiver and an agent, both sandboxed, store a file', {
  timeout: 120_000,
}, async () => {
  await run('holdfast', 'service', 'install', 'receive', '--system', '--store', STORE)
  await run('holdfast', 'service', 'install', 'agent', '--system', '--run-as', USER.name)
  await until('the receiver', async () =>
    (await run('journalctl', '-u', 'holdfast-receive')).includes('Receiving on'),
  )
  await expectShutIn('holdfast-receive')
  await expectShutIn('holdfast-agent')
  await run('systemd-analyze', 'security', '--threshold=30', 'holdfast-receive.service')
  // Else it would not see that somebody remounts a disk read-only.
  const views = ['1', await property('holdfast-agent', 'MainPID')].map((pid) => `/proc/${pid}/ns/mnt`)
  expect(new Set((await run('readlink', ...views)).trim().split('\n')).size).toBe(1)
  const [code = ''] = (await run('sudo', '-u', 'holdfast', 'holdfast', 'pair', '--store', STORE)).split('\n')
  const agent = (...words: string[]) => asUser('holdfast', ...words, '--data', DATA)
  await until('the agent', () =>
    agent('status').then(
      () => true,
      () => false,
    ),
  )
  expect(await agent('pair', code)).toContain(`agent --data ${DATA} FOLDER`)
  await mkdir(inRoot('/data/photos'), { recursive: true })
  await run('chown', '-R', USER.name, '/data')
  await writeFile(inRoot('/data/photos/one.txt'), 'one')
  await agent('agent', '/data/photos')
  expect(await stored('one.txt')).toBe('one')
  // The package includes the page, and the sandbox lets the agent serve it.
  expect(await agent('web', 'on')).toContain('http://127.0.0.1:8420/')
})

test('system service: it reloads its configuration, and is restarted after it was killed', {
  timeout: 120_000,
}, async () => {
  const pid = await property('holdfast-receive', 'MainPID')
  await writeFile(inRoot('/etc/holdfast/receive.json'), JSON.stringify({ store: STORE, keepFree: '1%' }))
  await run('systemctl', 'reload', 'holdfast-receive')
  await until('its word', async () =>
    (await run('journalctl', '-u', 'holdfast-receive')).includes('was reloaded'),
  )
  await run('systemctl', 'kill', '--signal=KILL', 'holdfast-receive')
  await until('another process', async () => {
    const now = await property('holdfast-receive', 'MainPID')
    return now !== '0' && now !== pid
  })
  await writeFile(inRoot('/data/photos/two.txt'), 'two')
  expect(await stored('two.txt')).toBe('two')
})

test('user services: agent and receiver are installed, run and are uninstalled', {
  timeout: 120_000,
}, async () => {
  await run('loginctl', 'enable-linger', USER.name)
  await until('the systemd of the user', () =>
    asUser('systemctl', '--user', 'status').then(
      () => true,
      () => false,
    ),
  )
  const config = inRoot(USER.home, '.config/holdfast/receive.json')
  await asUser('mkdir', '-p', `${USER.home}/.config/holdfast`)
  await writeFile(config, JSON.stringify({ store: `${USER.home}/store`, port: 7767 }))
  for (const what of ['agent', 'receive']) {
    await asUser('holdfast', 'service', 'install', what, '--user')
    await until(`the ${what}`, async () =>
      (await asUser('journalctl', '--user', '-u', `holdfast-${what}`)).match(
        /Receiving on|No folder is protected yet/,
      ),
    )
    expect(await asUser('holdfast', 'service', 'status', what, '--user', '--json')).toContain(
      '"running":true',
    )
    await asUser('holdfast', 'service', 'uninstall', what, '--user')
  }
})

test('command line package: removed and purged, it leaves only what docs/admin.md names', {
  timeout: 120_000,
}, async () => {
  await run('dpkg', '--remove', 'holdfast')
  await run('dpkg', '--purge', 'holdfast')
  expect(await run('systemctl', 'list-units', '--all', 'holdfast*')).toContain('0 loaded units')
  const left = [...(await root.files())].filter(
    (file) => !before.has(file) && !file.startsWith('var/lib/systemd/'),
  )
  // Besides what was protected.
  const home = (await run('getent', 'passwd', 'root')).split(':')[5] ?? ''
  const documented = [STORE, DATA, RECEIVED, '/etc/holdfast', path.join(home, '.cache'), '/data']
  expect(left.filter((file) => !documented.some((place) => `/${file}`.startsWith(place)))).toEqual([])
  const admin = await readFile(path.join(project, 'docs/admin.md'), 'utf8')
  for (const place of [DATA, RECEIVED, '/etc/holdfast/receive.json', '~/.cache/holdfast', 'userdel holdfast'])
    expect(admin.split('## Uninstalling')[1]).toContain(place)
  await run('userdel', 'holdfast')
})
