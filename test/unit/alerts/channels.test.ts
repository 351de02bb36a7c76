import { once } from 'node:events'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { ChannelInput, OutgoingMessage } from '../../../core/alerts/channels/channel.ts'
import { command } from '../../../core/alerts/channels/command.ts'
import { line, lineNotify } from '../../../core/alerts/channels/line.ts'
import { renderMessage } from '../../../core/alerts/render.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import { incident } from '../../support/agent/status.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const notice = { id: 'n', what: 'failed', about: 'i', times: 1, at: 1_700_000_000_000, incident } as const
const writer = { words: englishWords, computer: 'lab-3', labels: { project: '', resource: '' } }
const letter: OutgoingMessage = renderMessage('l', notice, writer, { type: null, template: null }, notice.at)

const given = (
  options: ChannelInput['options'],
  { withinMs = 60_000, secrets = {} as ChannelInput['secrets'] } = {},
): ChannelInput => ({ options, secrets, withinMs, signal: new AbortController().signal })

/** A program that a channel runs. */
function program(text: string): { file: string; directory: string } {
  const directory = temporaryDirectory('command-channel')
  const file = path.join(directory, 'program')
  writeFileSync(file, `#!/bin/sh\ncd '${directory}'\n${text}\n`)
  chmodSync(file, 0o700)
  return { file, directory }
}

test('command channel: the program gets the message as JSON; its exit code decides', async () => {
  const { file, directory } = program('cat > got')
  expect(await command.send(letter, given({ program: file }))).toEqual({ did: 'delivered', note: null })
  const got = readFileSync(path.join(directory, 'got'), 'utf8')
  expect(JSON.parse(got)).toMatchObject({ text: letter.text })
  const failing = program('exit 3').file
  expect(await command.send(letter, given({ program: failing }))).toMatchObject({
    did: 'refused',
    reason: { key: 'channel.command.failed', params: { code: 3 } },
  })
  const killed = program('kill -9 $$').file
  expect(await command.send(letter, given({ program: killed }))).toMatchObject({
    did: 'refused',
    reason: { params: { code: 'SIGKILL' } },
  })
  expect(await command.send(letter, given({ program: path.join(directory, 'none') }))).toMatchObject({
    did: 'refused',
    reason: { key: 'channel.command.missing', params: { reason: 'ENOENT' } },
  })
})

test('command channel: a program that does not end is killed with its children, and tried again', async () => {
  const { file } = program('sleep 1000 & wait')
  expect(await command.send(letter, given({ program: file }, { withinMs: 200 }))).toMatchObject({
    did: 'retry',
  })
})

/** A service that answers each path with a status and a body. */
async function serve(answers: Record<string, [status: number, body: object]>) {
  const asked: { url: string; token: string | undefined; body: string }[] = []
  const server = http.createServer((request, response) => {
    let body = ''
    request.on('data', (piece: Buffer) => {
      body += piece
    })
    request.once('end', () => {
      const { url = '', headers } = request
      asked.push({ url, token: headers.authorization, body })
      const [status, said] = answers[url] ?? [404, {}]
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(said))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  return { asked, endpoint: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}` }
}

const PUSH = '/v2/bot/message/push'
const QUOTA = '/v2/bot/message/quota'
const USED = `${QUOTA}/consumption`

test('LINE channel: a message is pushed to its recipient, and the quota of the month is told', async () => {
  const { asked, endpoint } = await serve({
    [PUSH]: [200, {}],
    [QUOTA]: [200, { type: 'limited', value: 200 }],
    [USED]: [200, { totalUsage: 7 }],
  })
  const sent = await line.send(
    letter,
    given({ endpoint: `${endpoint}/`, to: 'U1' }, { secrets: { token: 't' } }),
  )
  expect(sent).toMatchObject({ did: 'delivered', note: { params: { used: 7, limit: 200 } } })
  expect(asked.map(({ url }) => url).sort()).toEqual([PUSH, QUOTA, USED])
  expect(asked.every(({ token }) => token === 'Bearer t')).toBe(true)
  expect(JSON.parse(asked[0]?.body ?? '')).toMatchObject({
    to: 'U1',
    messages: [{ type: 'text', text: letter.text }],
  })
})

test.each([
  ['accepted before', [409, {}], { did: 'delivered', note: null }],
  ['over the quota', [429, { message: 'You have reached your monthly limit.' }], { did: 'refused' }],
  ['too fast', [429, { message: 'Slow down' }], { did: 'retry' }],
  ['without a valid token', [401, { message: 'No' }], { did: 'refused' }],
] as const)('LINE channel: a message %s has its outcome', async (_, answer, outcome) => {
  const { endpoint } = await serve({ [PUSH]: [answer[0], answer[1]] })
  expect(await line.send(letter, given({ endpoint, to: 'U1' }))).toMatchObject(outcome)
})

test('LINE Notify channel: a message is posted as a form, shortened to 1,000 characters', async () => {
  const { asked, endpoint } = await serve({ '/api/notify': [200, {}] })
  const options = { endpoint: `${endpoint}/api/notify` }
  const long = { ...letter, text: 'x'.repeat(2_000) }
  expect(await lineNotify.send(long, given(options, { secrets: { token: 't' } }))).toMatchObject({
    did: 'delivered',
  })
  const [{ body, token } = { body: '', token: '' }] = asked
  expect([token, new URLSearchParams(body).get('message')?.length]).toEqual(['Bearer t', 1_000])
})
