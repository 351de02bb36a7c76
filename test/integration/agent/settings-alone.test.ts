import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { SETTINGS_VERSION } from '../../../core/settings/schema.ts'
import { headless } from '../../support/alerts/headless.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

test('`settings import` without an agent: secrets of removed channels are deleted', async () => {
  const hook = { id: 'hook', name: 'Hook', type: 'webhook' }
  const home = headless({ alerts: { channels: [hook] } }, { hook: { url: 'https://hook.example/secret' } })
  const file = path.join(home.directory, 'imported.json')
  writeFileSync(file, JSON.stringify({ version: SETTINGS_VERSION }))
  expect(await home.says(['settings', 'import', file, '--yes'])).toContain('Hook')
  expect(readFileSync(path.join(home.directory, 'secrets.json'), 'utf8')).not.toContain('hook')
})

test('`destinations` without an agent: secrets that the desktop has sealed are reported as unreadable', async () => {
  const nas = {
    ...{ id: 'nas', kind: 'sftp', name: 'nas', host: '127.0.0.1', port: 1, user: 'me', path: '/srv' },
    ...{ folder: 'here', login: 'password', hostKey: `SHA256:${'a'.repeat(43)}` },
  }
  const home = headless({ destinations: [nas] })
  const owners = { nas: { password: { sealed: 'by the keyring' } } }
  writeFileSync(path.join(home.directory, 'secrets.json'), JSON.stringify({ version: 2, owners }))
  for (const words of [
    ['test', 'nas'],
    ['change', 'nas', '--port', '1', '--host-key', nas.hostKey],
  ]) {
    const { code, err } = await home.run(['destinations', ...words])
    expect([code, err]).toEqual([1, expect.stringContaining('cannot be read')])
  }
})

test('`folders add` without an agent: the directory is protected with its filters; another try is refused', async () => {
  const home = headless()
  const directory = temporaryDirectory('added')
  const words = ['folders', 'add', directory, '--ignore', '*.log', '--min-age', '90s', '--prefix', 'DC']
  expect(await home.says(words)).toContain(directory)
  const { sources } = JSON.parse(await home.says(['folders', '--json']))
  const added = {
    path: directory,
    ignore: ['*.log'],
    minimumAgeSeconds: 90,
    kind: 'batch',
    batch: { prefix: 'DC' },
  }
  expect(sources).toMatchObject([added])
  const { code, err } = await home.run(words)
  expect([code, err]).toEqual([1, expect.stringContaining('is already protected')])
  const [line, source, ...others] = (await home.says(['changes'])).trim().split('\n')
  expect(line).toContain(`command line: ${userInfo().username}: Added the folder ${directory}.`)
  expect([source, others]).toEqual([`  + folder ${path.basename(directory)}`, []])
  const other = temporaryDirectory('ordinary')
  await home.says(['folders', 'add', other])
  for (const [option, code, why] of [
    [['--prefix', 'run'], 2, 'has no batch folders'],
    [['--name', ' '], 2, 'It must not be empty.'],
  ] as const)
    expect(await home.run(['folders', 'change', other, ...option])).toMatchObject({
      ...{ code, err: expect.stringContaining(why) },
    })
  const wrong = await home.run(['folders', 'add', directory, '--folder', 'x'])
  expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('(holdfast folders add --help')])
})

test('`settings` and `diagnostics`: an unusable path or a missing data directory is reported with the reason', async () => {
  const home = headless()
  for (const [words, why] of [
    [['settings', 'export', home.directory], 'it is a folder. Choose another place.'],
    [['settings', 'import', home.directory], '(it is a folder)'],
    [['diagnostics', home.directory], 'it is a folder. Choose another place.'],
    [['diagnostics', 'x.zip', '--data', '/no/such/data'], 'Holdfast has no data in /no/such/data'],
  ] as const) {
    const { code, err } = await home.run([...words])
    expect([code, err]).toEqual([1, expect.stringContaining(why)])
  }
})

test.skipIf(process.platform === 'win32')(
  '`settings import`: a read from a pipe without a writer is ended by SIGTERM',
  async () => {
    const home = headless()
    const pipe = path.join(home.directory, 'pipe')
    execFileSync('mkfifo', [pipe])
    const { child, ended } = startHoldfast(['settings', 'import', pipe, '--data', home.directory])
    // That works without waiting once somebody has it open to read.
    const writer = await until('it to be read', () => {
      try {
        return openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK)
      } catch {
        return null
      }
    })
    onTestFinished(() => closeSync(writer))
    child.kill('SIGTERM')
    expect(await ended()).toBe('SIGTERM')
  },
)
