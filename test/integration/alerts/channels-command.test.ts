import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { readState, untilState } from '../../support/agent/two-receivers.ts'
import { filesWith, type Headless, headless } from '../../support/alerts/headless.ts'
import { recordingServer } from '../../support/servers/recording-server.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const KEY = 'a-signing-key-8831'

async function runAgent(home: Headless): Promise<void> {
  home.startAgent()
  await until('it runs', () => readState(home.directory))
}

/** A file of a person's own with a secret in it. */
function secretFile(secret: string): string {
  const file = path.join(temporaryDirectory('secret'), 'secret')
  writeFileSync(file, `${secret}\n`, { mode: 0o600 })
  return file
}

const secretsIn = ({ directory }: Headless) =>
  JSON.parse(readFileSync(path.join(directory, 'secrets.json'), 'utf8')).owners

describe.each([
  ['while an agent runs', true],
  ['while none runs', false],
])('`holdfast channels`, %s', (_, isRunning) => {
  test('channels are added, changed, switched, ordered and removed; secrets are only in secrets.json', async () => {
    const { origin } = await recordingServer()
    const url = `${origin}/hook/very-secret-4711`
    const token = 'line-token-1234567'
    const home = headless()
    if (isRunning) await runAgent(home)
    const said: string[] = []
    const says = async (words: string[], input?: string) => {
      const { code, out, err } = await home.run(['channels', ...words], input)
      said.push(out, err)
      expect(code, err).toBe(0)
      return out
    }
    const refused = async (words: string[], input?: string) => {
      const { code, out, err } = await home.run(['channels', ...words], input)
      said.push(out, err)
      expect(out).toBe('')
      return [code, err.trim()]
    }
    const listed = async () => JSON.parse(await says(['--json']))

    const file = `url=${secretFile(url)}`
    expect(await says(['add', 'webhook', '--name', 'On duty', '--secret', file])).toContain(
      'Added as on-duty.',
    )
    const to = `endpoint=${origin}/notify`
    await says(['add', 'line-notify', '--name', 'Line', '--option', to, '--secret', 'token=-'], `${token}\n`)
    expect(secretsIn(home)).toEqual({ 'on-duty': { url: { plain: url } }, line: { token: { plain: token } } })
    expect(await listed()).toMatchObject({
      channels: [
        { id: 'on-duty', name: 'On duty', type: 'webhook', enabled: true, severity: 'warning' },
        { id: 'line', type: 'line-notify', options: { endpoint: `${origin}/notify` } },
      ],
    })

    const more = ['--severity', 'critical', '--standby', '--template', '{title}', '--secret', 'key=-']
    await says(['change', 'On duty', ...more], KEY)
    expect(secretsIn(home)['on-duty']).toEqual({ url: { plain: url }, key: { plain: KEY } })
    await says(['off', 'on-duty'])
    await says(['order', 'line', 'on-duty'])
    const changed = { id: 'on-duty', severity: 'critical', standby: true, template: '{title}' }
    expect((await listed()).channels).toMatchObject([{ id: 'line' }, { ...changed, enabled: false }])
    await says(['on', 'on-duty'])
    const rules = ['rules', '--project', 'P-12', '--resource', 'vm-7', '--quiet', '22:00-07:00']
    expect(await says([...rules, '--unreachable', '90s'])).toBe(
      'Project code: P-12\nResource ID: vm-7\nQuiet hours: 22:00-07:00\nUnreachable for: 1.5 min\n',
    )
    expect(await says(['rules'])).toContain('Quiet hours: 22:00-07:00\n')
    expect(await says(['rules', '--quiet', 'none'])).toContain('Quiet hours: none\n')
    expect(await refused(['rules', '--quiet', '22:00-22:00'])).toEqual([
      2,
      expect.stringContaining('22:00-07:00'),
    ])
    await says(rules)
    expect(await listed()).toMatchObject({
      labels: { project: 'P-12', resource: 'vm-7' },
      quietHours: { from: '22:00', to: '07:00' },
      unreachableMinutes: 1.5,
      channels: [{ id: 'line' }, { ...changed, enabled: true }],
    })

    // Only one of these comes as far as the data directory, which is locked for one command at a time.
    const beforeAnything = await Promise.all([
      refused(['add', 'webhook', '--name', 'Other', '--option', `url=${url}`]),
      refused(['add', 'command', '--option', 'program=/bin/true']),
      refused(['add', 'webhook', '--secret', 'url=/no/such/file']),
      refused(['add', 'webhook', '--option', 'to=x']),
    ])
    expect(beforeAnything).toEqual([
      [2, expect.stringContaining('“url” is a secret: give it with --secret')],
      [2, expect.stringContaining('It must be one of line, line-notify, mail')],
      [1, expect.stringMatching(/^The file \/no\/such\/file with “url” cannot be read/)],
      [2, expect.stringMatching(/There is no field “to”\. Known: .*url \(--secret\)/)],
    ])
    expect(await refused(['add', 'webhook'])).toEqual([
      1,
      '“url” is missing. Give it with --secret url=FILE.',
    ])
    expect(await refused(['add', 'webhook', '--secret', 'url=-'], `no address ${KEY}`)).toEqual([
      1,
      expect.stringContaining('“url” cannot be used: it does not have the form'),
    ])
    expect(await refused(['change', 'on-duty', '--name', 'line'])).toEqual([
      1,
      'The name “line” is taken by another channel. Choose another name.',
    ])
    expect(await refused(['order', 'line'])).toEqual([1, 'The order has to name every channel once.'])
    expect(await refused(['off', 'nobody'])).toEqual([1, 'There is no channel “nobody”.'])
    expect((await listed()).channels).toHaveLength(2)

    const status = isRunning ? await home.run(['status', '--json']) : { out: '', err: '' }
    expect(status.out.includes('on-duty')).toBe(isRunning)
    const all = `${said.join('')}${status.out}${status.err}`
    for (const secret of [url, 'very-secret-4711', token, KEY]) {
      expect(all.includes(secret), `${secret} in ${all}`).toBe(false)
      expect(filesWith(home.directory, secret)).toEqual(['secrets.json'])
    }
    const { mode } = statSync(path.join(home.directory, 'secrets.json'))
    expect((mode & 0o777).toString(8)).toBe('600')

    await says(['remove', 'on-duty'])
    expect((await listed()).channels.map(({ id }: { id: string }) => id)).toEqual(['line'])
    expect(secretsIn(home)).toEqual({ line: { token: { plain: token } } })
    expect(filesWith(home.directory, KEY)).toEqual([])
  })
})

test('`holdfast channels`: a program can be neither added nor changed; only the settings file can name it', {
  tags: 'story',
}, async () => {
  const channel = { id: 'run', name: 'Run', type: 'command', options: { program: '/bin/true' } }
  const home = headless({ alerts: { channels: [channel] } })
  const program = ['channels', 'change', 'run', '--option', 'program=/bin/false']
  const refused = { code: 1, err: expect.stringContaining('only the settings file can name it') }
  expect(await home.run(program)).toMatchObject(refused)
  await home.says(['channels', 'change', 'run', '--name', 'Told by it'])
  const { channels } = JSON.parse(await home.says(['channels', '--json']))
  expect(channels).toMatchObject([{ ...channel, name: 'Told by it' }])
  expect(existsSync(path.join(home.directory, 'secrets.json'))).toBe(false)
})

test("`holdfast channels test`: the server's answer is printed, and a failed delivery gives exit code 1", async () => {
  const server = await recordingServer()
  const url = `${server.origin}/hook/very-secret-4711`
  const home = headless(
    { alerts: { channels: [{ id: 'hook', name: 'Hook', type: 'webhook' }] } },
    { hook: { url, key: KEY } },
  )
  const test = ['channels', 'test', 'Hook']
  const none = await home.run(test)
  expect(none).toMatchObject({ code: 3, out: '', err: expect.stringContaining('holdfast agent') })
  await runAgent(home)
  await untilState(home.directory, 'its channels', ({ channels }) => channels.some(({ id }) => id === 'hook'))
  expect(await home.run(test)).toEqual({ code: 0, out: 'The test was delivered.\n', err: '' })
  const [{ headers, body } = expect.fail('nothing came')] = server.requests
  expect(JSON.parse(body)).toMatchObject({ schema: 1, what: 'test' })
  expect(headers['x-holdfast-signature']).toMatch(/^sha256=[0-9a-f]{64}$/)

  const host = new URL(server.origin).host
  server.answer({ status: 404, body: JSON.stringify({ message: `no hook at ${url}` }) })
  const refused = await home.run(test)
  expect(refused).toMatchObject({ code: 1, out: '' })
  expect(refused.err).toContain(host)
  expect(refused.err).toContain('404')
  expect(refused.err).toContain('no hook at')
  server.answer({ status: 401, body: 'who are you?' })
  const stranger = await home.run(test)
  expect(stranger).toMatchObject({ code: 1, out: '', err: expect.stringContaining('who are you?') })
  server.answer({ status: 503, headers: { 'Retry-After': '7' }, body: `busy with ${KEY}` })
  const busy = await home.run(test)
  expect(busy).toMatchObject({ code: 1, out: '', err: expect.stringContaining('busy with') })
  const state = await until('how it is now', async () => {
    const now = JSON.parse(await home.says(['channels', '--json'])).channels[0].state
    return now.condition === 'retrying' ? now : null
  })
  expect(state).toMatchObject({ waiting: 0, secrets: ['url', 'key'] })
  expect(server.requests).toHaveLength(4)
  const all = [refused, stranger, busy, none].map(({ err }) => err).join('') + JSON.stringify(state)
  for (const secret of ['very-secret-4711', KEY]) {
    expect(all).not.toContain(secret)
    expect(filesWith(home.directory, secret)).toEqual(['secrets.json'])
  }
})
