import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { getUserName } from '../../../core/platform/user-name.ts'
import { holdfast, untilState } from '../../support/agent/two-receivers.ts'
import { PAGE_LINK, startOnTerminal } from '../../support/cli/on-terminal.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { freePort } from '../../support/servers/sftp.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'
import { startWebAgent } from '../../support/web.ts'

/** Starts `holdfast …` on a terminal, which ends with the test. */
function onTerminal(words: string[], env: Record<string, string> = {}) {
  const terminal = startOnTerminal(words, env)
  onTestFinished(terminal.stop)
  return terminal
}

/** Signs in as the page does after it has read the link. */
async function open(link: string) {
  const { origin, hash } = new URL(link)
  const headers = { 'x-holdfast': '1', 'content-type': 'application/json' }
  const body = JSON.stringify({ token: hash.slice(1) })
  return fetch(`${origin}/api/session`, { method: 'POST', headers, body })
}

/** A data directory whose page has a free port. */
async function createData() {
  const data = temporaryDirectory('link-data')
  await holdfast(['settings', 'web', 'on', '--port', String(await freePort()), '--data', data])
  await holdfast(['settings', 'web', 'off', '--data', data])
  return data
}

const log = (data: string) =>
  readdirSync(path.join(data, 'logs')).map((name) => readFileSync(path.join(data, 'logs', name), 'utf8'))

const onTerminals = test.skipIf(process.platform !== 'linux')

onTerminals(
  '`holdfast agent`: on a terminal it prints a link, which signs in once, and over ssh the tunnel to it',
  { tags: 'story' },
  async () => {
    const data = await createData()
    const terminal = onTerminal(['agent', '--data', data], {
      SSH_CONNECTION: '192.0.2.9 50122 192.0.2.5 22',
      DISPLAY: ':99',
      PATH: createOpener(data),
    })
    const link = await terminal.link()
    const { origin, port } = new URL(link)
    await until('the tunnel', () =>
      new RegExp(`-L 127\\.0\\.0\\.1:${port}:127\\.0\\.0\\.1:${port} \\S+@192\\.0\\.2\\.5`).test(
        terminal.out(),
      ),
    )
    const signedIn = await open(link)
    expect([signedIn.status, await signedIn.json()]).toMatchObject([200, { output: { role: 'operator' } }])
    const [cookie = ''] = signedIn.headers.get('set-cookie')?.split(';') ?? []
    const pause = await fetch(`${origin}/api/commands/pause`, {
      method: 'POST',
      headers: { cookie, 'x-holdfast': '1' },
      body: '{"minutes":null}',
    })
    expect(pause.status).toBe(200)
    const changes = await holdfast(['changes', '--json', '--data', data])
    expect(changes).toContain(`"via":"page","name":"${getUserName()}"`)

    const again = await open(link)
    expect([again.status, await again.json()]).toMatchObject([401, { sentence: { key: 'web.usedLink' } }])
    // A display that ssh forwards is that of another computer.
    expect(existsSync(path.join(data, 'opened'))).toBe(false)
    expect(log(data).join()).not.toContain('once-')
  },
)

onTerminals('`holdfast agent`: beside a running agent it prints a link to that one', async () => {
  const data = await createData()
  const service = startHoldfast(['agent', '--data', data])
  await untilState(data, 'the agent', () => true)
  const link = await onTerminal(['agent', '--data', data]).link()
  expect((await open(link)).status).toBe(200)
  // Its output is no terminal, as that of a service.
  expect(service.out()).toContain('Holdfast is running')
  expect(service.out() + service.err()).not.toContain('once-')
})

onTerminals(
  '`holdfast status`: a sentence about the window is followed by a link on a terminal',
  async () => {
    const data = await createData()
    writeFileSync(path.join(data, 'secrets.json'), '{broken')
    startHoldfast(['agent', '--data', data])
    await untilState(data, 'the notice', ({ notices }) => notices.length > 0)
    const status = onTerminal(['status', '--data', data])
    expect((await open(await status.link())).status).toBe(200)
    const chinese = onTerminal(['status', '--data', data], { LC_ALL: 'zh_TW.UTF-8' })
    expect((await open(await chinese.link())).status).toBe(200)
    expect(chinese.out()).toContain('holdfast settings web link）')
    expect(status.out()).toContain('in the window (holdfast settings web link)')
    const piped = startHoldfast(['status', '--data', data])
    await piped.ended()
    expect(piped.out()).toContain('in the window (holdfast settings web link)')
    expect(piped.out() + piped.err()).not.toContain('once-')
    const json = onTerminal(['status', '--json', '--data', data])
    await json.ended
    expect(json.out()).toContain('secrets.setAside')
    expect(json.out()).not.toContain('once-')
  },
)

/** Creates a program `xdg-open` that notes its words and the file that it gets. Returns a PATH with it. */
function createOpener(data: string): string {
  const directory = temporaryDirectory('opener')
  const noted = path.join(data, 'opened')
  const script = `#!/bin/sh\n{ echo "$@"; stat -c %a "$1"; cat "$1"; } > ${noted}.part && mv ${noted}.part ${noted}\n`
  writeFileSync(path.join(directory, 'xdg-open'), script, { mode: 0o755 })
  return `${directory}:${process.env.PATH}`
}

onTerminals(
  '`holdfast agent`: on a desktop the browser opens the link, which no word of a process has',
  async () => {
    const data = await createData()
    const runtime = temporaryDirectory('runtime')
    const env = { DISPLAY: ':99', XDG_RUNTIME_DIR: runtime, PATH: createOpener(data) }
    const link = await onTerminal(['agent', '--data', data], env).link()
    const noted = path.join(data, 'opened')
    await until('the browser', () => existsSync(noted))
    const [words = '', mode, ...html] = readFileSync(noted, 'utf8').split('\n')
    expect(words).toMatch(new RegExp(`^${runtime}/holdfast-link-[^/ ]+/open\\.html$`))
    expect(mode).toBe('600')
    expect(html.join()).toContain(`content="0; url=${link}"`)
  },
)

test('page link: a rebound name and a computer behind a proxy get 421 and 401, and do not use it up', async () => {
  const proxy = { addresses: ['127.0.0.1'] }
  const { ask, command, port } = await startWebAgent('127.0.0.1', [], { proxy })
  const { link } = (await command('createPageLink', {})) as { link: string }
  expect(link).toContain(`http://127.0.0.1:${port}/#`)
  const signIn = async (headers: Record<string, string>) =>
    (await ask('POST', '/api/session', { headers, body: { token: new URL(link).hash.slice(1) } })).status
  expect(await signIn({ host: `evil.example:${port}` })).toBe(421)
  expect(await signIn({ origin: 'http://evil.example' })).toBe(403)
  expect(await signIn({ 'x-holdfast': '', origin: 'null' })).toBe(403)
  expect(await signIn({ 'x-forwarded-for': '192.0.2.7' })).toBe(401)
  expect(await signIn({})).toBe(200)
})

test('`holdfast settings web link`: it prints links of a running agent, until they are switched off', async () => {
  const data = await createData()
  const run = (...words: string[]) => startHoldfast(['settings', 'web', 'link', ...words, '--data', data])
  const early = run()
  expect(await early.ended()).toBe(3)
  startHoldfast(['agent', '--data', data])
  await untilState(data, 'the agent', () => true)
  const printed = run()
  expect(await printed.ended(), printed.err()).toBe(0)
  expect(printed.out()).toMatch(PAGE_LINK)
  const { link } = JSON.parse(await holdfast(['settings', 'web', 'link', '--json', '--data', data]))
  await holdfast(['settings', 'web', 'link', 'off', '--data', data])
  await expect(open(link)).rejects.toThrow()
  const refused = run()
  expect(await refused.ended()).toBe(1)
  expect(refused.err()).toContain('`holdfast settings web link on` allows them.')
  await holdfast(['settings', 'web', 'link', 'on', '--data', data])
  expect(
    (await open(JSON.parse(await holdfast(['settings', 'web', 'link', '--json', '--data', data])).link))
      .status,
  ).toBe(200)
})
