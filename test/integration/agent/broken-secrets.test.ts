import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import { untilState } from '../../support/agent/two-receivers.ts'
import { headless } from '../../support/alerts/headless.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const SETTINGS = {
  version: 1,
  notifications: false,
  alerts: {
    channels: [
      { id: 'ops', name: 'Operators', type: 'webhook' },
      {
        ...{ id: 'post', name: 'Post', type: 'mail' },
        options: { host: '127.0.0.1', from: 'a@x.org', to: 'b@x.org', user: 'ops' },
      },
    ],
  },
  destinations: [
    {
      kind: 'sftp',
      id: 'nas',
      name: 'NAS',
      host: '127.0.0.1',
      port: 9,
      user: 'u',
      hostKey: `SHA256:${'x'.repeat(43)}`,
    },
  ].map((one) => ({ ...one, path: '/p', login: 'password', folder: 'here' })),
}
const SECRETS = {
  ops: { url: 'http://127.0.0.1:9/x' },
  post: { password: 'kept-4711' },
  nas: { password: 'kept-4712' },
}

/** A data directory whose secrets file has these bytes. */
function damaged(bytes: (whole: string) => string | Buffer) {
  const computer = headless(SETTINGS, SECRETS)
  const file = path.join(computer.directory, 'secrets.json')
  const text = bytes(readFileSync(file, 'utf8'))
  writeFileSync(file, text)
  return { ...computer, file, text }
}

const asideIn = (directory: string) =>
  readdirSync(directory).filter((name) => /^secrets\.set-aside-.*\.json$/.test(name))

describe('secrets file that cannot be read', () => {
  test.each<[string, (whole: string) => string | Buffer]>([
    ['empty', () => ''],
    ['zeroed', (whole) => Buffer.alloc(whole.length)],
    ['cut', (whole) => whole.slice(0, whole.length / 2)],
  ])(
    'a file that is %s is set aside with a notice, and each channel and destination without its secret is an incident',
    async (_, bytes) => {
      const { directory, file, text, startAgent } = damaged(bytes)
      startAgent()
      const { notices, incidents, destinations } = await untilState(directory, 'all to be told', (state) => {
        const open = state.incidents.flatMap((one) => Object.keys(one.failing))
        return ['channel:ops', 'channel:post', 'destination:nas'].every((id) => open.includes(id))
      })
      const [aside = ''] = asideIn(directory)
      expect(readFileSync(path.join(directory, aside))).toEqual(Buffer.from(text))
      const said = notices.map(({ sentence }) => englishWords(sentence)).join('\n')
      expect(said).toContain(`The secrets file ${file} is damaged`)
      expect(said).toContain(path.join(directory, aside))
      expect(said).not.toContain('kept-47')
      const sentences = incidents.map(({ sentence }) => englishWords(sentence))
      expect(sentences).toContainEqual(expect.stringContaining('The password of Post is missing'))
      const [nas] = destinations.map(({ connection }) => connection)
      expect(nas).toMatchObject({ state: 'refused', problem: { key: 'transfer.sftp.secretMissing' } })
      expect(sentences).toContainEqual(expect.stringContaining('The url of Operators is missing'))
    },
  )

  test('its notice returns at the next start, and is gone once a channel has its secret again', async () => {
    const { directory, startAgent, says } = damaged(() => '')
    const isTold = async (told: boolean) => {
      const agent = startAgent()
      await untilState(directory, `told: ${told}`, ({ notices, channels }) => {
        return channels.length > 1 && notices.some(({ id }) => id === 'secrets') === told
      })
      agent.child.kill('SIGTERM')
      await agent.ended()
    }
    await isTold(true)
    await isTold(true)
    const given = path.join(temporaryDirectory('given'), 'password')
    writeFileSync(given, 'entered again')
    await says(['channels', 'change', 'Post', '--secret', `password=${given}`])
    await isTold(false)
    expect(asideIn(directory)).toHaveLength(1)
  })

  test.each(['channels add ntfy --option topic=x', 'destinations test NAS'])(
    'a command leaves the broken file unchanged and prints what to do: %s',
    async (line) => {
      const { directory, file, text, run } = damaged((whole) => whole.slice(5))
      const { code, err } = await run(line.split(' '))
      expect(code).toBe(1)
      expect(err).toContain(`The secrets file ${file} is damaged`)
      expect(err).toContain('holdfast agent')
      expect(readFileSync(file, 'utf8')).toBe(text)
      expect(asideIn(directory)).toEqual([])
    },
  )
})

test('byte order mark: settings and secrets files that begin with one are read without a notice', async () => {
  const { directory, says, startAgent } = damaged((whole) => `\uFEFF${whole}`)
  const settings = path.join(directory, 'settings.json')
  writeFileSync(settings, `\uFEFF${readFileSync(settings, 'utf8')}`)
  expect(await says(['channels'])).toContain('Operators')
  startAgent()
  const known = (id: string, name: string) => (one: { id: string; secrets: string[] }) =>
    one.id === id && one.secrets.includes(name)
  const { notices } = await untilState(directory, 'the secrets', ({ channels, destinations }) => {
    return channels.some(known('ops', 'url')) && destinations.some(known('nas', 'password'))
  })
  expect(notices).toEqual([])
  await says(['channels', 'rules', '--project', 'P'])
  expect(JSON.parse(readFileSync(settings, 'utf8')).alerts.labels.project).toBe('P')
})

test.each([
  'channels add ntfy --option topic=x',
  'keep --daily 3',
  'channels rules --project P',
  'limit 10M',
])('data directory: a command that writes settings creates it: %s', async (line) => {
  const data = path.join(temporaryDirectory('new'), 'data')
  const command = startHoldfast([...line.split(' '), '--data', data])
  expect(await command.ended(), command.err()).toBe(0)
  expect(existsSync(path.join(data, 'settings.json'))).toBe(true)
  rmSync(data, { recursive: true })
})
