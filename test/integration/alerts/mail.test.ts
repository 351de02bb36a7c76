import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { OutgoingMessage } from '../../../core/alerts/channels/channel.ts'
import { classifyMailError } from '../../../core/alerts/channels/mail.ts'
import { readState } from '../../support/agent/two-receivers.ts'
import { attempt, givenFor, LETTER_ID, notice, said } from '../../support/alerts/channels.ts'
import { headless } from '../../support/alerts/headless.ts'
import {
  hasMailServer,
  type Mail,
  type MailServer,
  startMailServer,
} from '../../support/servers/mail-server.ts'
import { until } from '../../support/until.ts'

const TEXT =
  'PRJ & 50 % + more\n<b>磁碟 /data/run_1 變成唯讀</b> 👩‍👩‍👧\n.\nFrom here\n  indented, with an end  \n' +
  'long '.repeat(300)

test('mail channel: a server that stops answering before the mail gives a timeout', async () => {
  const server = createServer((socket) => {
    const words = ['250 hello\r\n', '250 sender\r\n', '250 recipient\r\n']
    socket.on('error', () => undefined).on('data', () => socket.write(words.shift() ?? ''))
    socket.write('220 here\r\n')
  }).unref()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const given = givenFor('mail', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const outcome = await attempt('mail', given, {}, 100)
  expect(outcome).toMatchObject({ did: 'retry', reason: { key: 'channel.silent', params: { limit: 300 } } })
})

test("mail channel: the desktop application's TLS error of a plain-text server is recognised", () => {
  const boringSsl = new Error(
    '18021683530816:error:100000f7:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER:tls_record.cc:211:',
  )
  const outcome = classifyMailError(boringSsl, givenFor('mail', 'http://127.0.0.1:25'))
  expect(outcome).toMatchObject({ did: 'retry', reason: { key: 'channel.mail.plain' } })
})

// It is a Debian package, which `npm test` installs where it may.
describe.skipIf(!hasMailServer)('mail channel with aiosmtpd', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-mail-'))
  let server: MailServer
  beforeAll(async () => {
    server = await startMailServer(directory)
  })
  afterAll(() => {
    server?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  type Security = keyof MailServer['ports']
  const optionsFor = (security: Security, changes = {}) => ({
    host: '127.0.0.1',
    port: String(server.ports[security]),
    security,
    from: 'holdfast@lab.example',
    to: 'ops@lab.example',
    user: '',
    ...changes,
  })
  const send = (
    security: Security,
    changes = {},
    secrets = {},
    told: Partial<OutgoingMessage> = {},
    withinMs = 2_000,
  ) => {
    const given = { options: optionsFor(security, changes), secrets, signal: new AbortController().signal }
    return attempt('mail', given, told, withinMs)
  }
  const mailTo = (to: string): Mail[] =>
    server.mails().filter(({ headers }) => headers['X-RcptTo']?.includes(to))

  test('a mail with special characters arrives unchanged, with its headers', async () => {
    const title = '唯讀: /data/run_1 & more 🧯 '.repeat(5)
    const outcome = await send('none', { to: 'one@lab.example, two@lab.example' }, {}, { title, text: TEXT })
    expect(outcome).toEqual({ did: 'delivered', note: null })
    const [mail, ...others] = mailTo('one@lab.example')
    expect(others).toEqual([])
    expect(mail).toMatchObject({ subject: title.trim(), body: `${TEXT}\n` })
    expect(mail?.headers).toMatchObject({
      From: 'holdfast@lab.example',
      To: 'one@lab.example, two@lab.example',
      'X-RcptTo': 'one@lab.example, two@lab.example',
      'Message-ID': `<${LETTER_ID}@lab.example>`,
      'Auto-Submitted': 'auto-generated',
      'X-Priority': expect.stringMatching(/^1/),
    })
  })

  test('the page of a report is an attachment, and the text stays the body', async () => {
    const html = '<!doctype html>\n<p>報告 & more</p>\n'
    const report = { ...notice('report'), attachment: { name: 'holdfast-2026-10.html', html } }
    expect(
      await send('none', { to: 'report@lab.example' }, {}, { notice: report, text: TEXT }),
    ).toMatchObject({
      did: 'delivered',
    })
    expect(mailTo('report@lab.example')).toMatchObject([
      { body: TEXT, attachments: [['holdfast-2026-10.html', 'text/html', html]] },
    ])
  })

  test('long lines stay whole where nothing else needs encoding', async () => {
    const text = `${'long '.repeat(300)}\nshort`
    await send('none', { to: 'long@lab.example' }, {}, { text })
    expect(mailTo('long@lab.example')).toMatchObject([{ body: `${text}\n` }])
  })

  test('mails of one incident are one thread, and a repeated mail keeps its Message-ID', async () => {
    const to = { to: 'thread@lab.example' }
    const over = { id: 'b', notice: notice('recovered') }
    const another = { id: 'c', notice: { ...notice(), about: 'incident-8' } }
    for (const told of [{ id: 'a' }, { id: 'a' }, over, another]) await send('none', to, {}, told)
    const mails = mailTo('thread@lab.example').map(({ headers }) => headers)
    const of = (id: string) => mails.filter((one) => one['Message-ID'] === `<${id}@lab.example>`)
    expect([of('a').length, of('b').length, of('c').length]).toEqual([2, 1, 1])
    const threads = [...of('a'), ...of('b')].map((one) => [one.References, one['In-Reply-To']])
    expect(new Set(threads.flat()).size).toBe(1)
    expect(of('a')[0]?.References).toMatch(/^<[\w-]+@lab\.example>$/)
    expect(of('c')[0]?.References).not.toBe(of('a')[0]?.References)
  })

  test.each(['tls', 'starttls'] as const)(
    'delivery through %s with a login succeeds at a trusted server',
    { tags: 'story' },
    (security) => {
      const options = optionsFor(security, { host: 'localhost', to: `${security}@lab.example`, user: 'ops' })
      const outcome = server.sendTrusting({ text: TEXT }, options, { password: 'right' })
      expect(outcome).toEqual({ did: 'delivered', note: null })
      expect(mailTo(`${security}@lab.example`)).toMatchObject([{ body: `${TEXT}\n` }])
    },
  )

  test('a certificate with another name is not trusted', () => {
    const options = optionsFor('tls', { to: 'untrusted@lab.example' })
    const outcome = server.sendTrusting({}, options, {})
    expect(outcome).toMatchObject({ did: 'retry', reason: { key: 'channel.mail.untrusted' } })
    expect(said(outcome)).toContain('127.0.0.1')
    expect(mailTo('untrusted@lab.example')).toEqual([])
  })

  test.each(['tls', 'starttls'] as const)(
    'delivery through %s to an untrusted server fails',
    { tags: 'story' },
    async (security) => {
      const outcome = await send(
        security,
        { to: 'untrusted@lab.example', user: 'ops' },
        { password: 'right' },
      )
      expect(outcome).toMatchObject({ did: 'retry', reason: { key: 'channel.mail.untrusted' } })
      expect(mailTo('untrusted@lab.example')).toEqual([])
    },
  )

  test('a server without STARTTLS gets no plain-text mail where STARTTLS is set', {
    tags: 'story',
  }, async () => {
    const { none } = server.ports
    const outcome = await send('starttls', { port: String(none), to: 'clear@lab.example' })
    expect(outcome).toMatchObject({ did: 'retry', reason: { key: 'channel.mail.plain' } })
    expect(said(outcome)).toContain(`The mail server 127.0.0.1:${none} does not offer STARTTLS. `)
    expect(mailTo('clear@lab.example')).toEqual([])
  })

  test('TLS to a plain-text server is reported as such', async () => {
    const outcome = await send('tls', { port: String(server.ports.none) })
    expect(outcome).toMatchObject({ did: 'retry', reason: { key: 'channel.mail.plain' } })
    expect(said(outcome)).not.toContain('openssl')
  })

  test('plain text to a TLS server ends in a timeout', async () => {
    const outcome = await send('none', { port: String(server.ports.tls) }, {}, {}, 100)
    expect(outcome).toMatchObject({ did: 'retry', reason: { key: 'channel.silent' } })
  })

  test.each([
    ['4xx to the recipient', { to: 'later@lab.example' }, 'retry', 'channel.mail.later', 'The queue is full'],
    ['5xx to the recipient', { to: 'nobody@lab.example' }, 'refused', 'channel.mail.refused', 'No such user'],
    ['5xx to the password', { user: 'ops' }, 'refused', 'channel.mail.login', '535'],
    ['4xx to the password', { user: 'busy' }, 'retry', 'channel.mail.later', '454'],
  ])(
    'a rejection (%s) is classified as retry or refused, and the error contains no password',
    async (_, options, did, key, words) => {
      const outcome = await send('none', options, { password: 'S3cret-4711' })
      expect(outcome).toMatchObject({ did, reason: { key } })
      expect(said(outcome)).toContain(words)
      expect(said(outcome)).not.toContain('4711')
      expect(JSON.stringify(outcome)).not.toContain(Buffer.from('S3cret-4711').toString('base64'))
    },
  )

  test('addresses with display names, semicolons and local names are accepted, and each gets the mail', async () => {
    const from = 'Station 3 <station@lab.example>'
    const to = '"Doe, Jane" <jane@lab.example>; root, admin@localhost'
    expect(await send('none', { from, to })).toEqual({ did: 'delivered', note: null })
    const [mail] = mailTo('jane@lab.example')
    expect(mail?.headers).toMatchObject({ From: from, 'X-RcptTo': 'jane@lab.example, root, admin@localhost' })
    expect(mail?.headers.To).toContain('"Doe, Jane" <jane@lab.example>')
  })

  test.each(['tls', 'starttls'] as const)(
    'a self-signed certificate is shown through %s and can be pinned; another one is refused',
    async (security) => {
      const to = `pinned-${security}@lab.example`
      const login = { to, user: 'ops' }
      const first = await send(security, login, { password: 'right' })
      expect(first).toMatchObject({ did: 'retry', reason: { key: 'channel.mail.untrusted' } })
      const fingerprint = first.did === 'delivered' ? '' : String(first.reason.params.fingerprint)
      expect(said(first)).toContain(server.fingerprint)
      expect(fingerprint).toBe(server.fingerprint)
      const withColons = fingerprint.toUpperCase().replace(/..(?!$)/g, '$&:')
      for (const certificate of [fingerprint, withColons])
        expect(await send(security, { ...login, certificate }, { password: 'right' })).toEqual({
          did: 'delivered',
          note: null,
        })
      const other = await send(security, { ...login, certificate: 'a'.repeat(64) }, { password: 'right' })
      expect(other).toMatchObject({ did: 'retry', reason: { key: 'channel.mail.wrongCertificate' } })
      expect(said(other)).toContain(server.fingerprint)
      expect(mailTo(to)).toHaveLength(2)
    },
  )

  test.each([
    ['530', 'login@lab.example', '530'],
    ['550 relay denied', 'relay@lab.example', 'Relaying denied'],
  ])('a server that requires a login is reported as such: %s', async (_, to, words) => {
    const outcome = await send('none', { to })
    expect(outcome).toMatchObject({ did: 'refused', reason: { key: 'channel.mail.needsLogin' } })
    expect(said(outcome)).toContain(words)
  })

  test('a rejected recipient is named where others got the mail', { tags: 'story' }, async () => {
    const outcome = await send('none', { to: 'some@lab.example, nobody@lab.example' })
    expect(outcome).toMatchObject({ did: 'delivered', note: { params: { rejected: 'nobody@lab.example' } } })
    expect(mailTo('some@lab.example')).toHaveLength(1)
  })

  test('`channels test` prints the command that pins the certificate, and delivers after it', async () => {
    const home = headless()
    home.startAgent()
    await until('it runs', () => readState(home.directory))
    const options = Object.entries(optionsFor('tls', { to: 'cli@lab.example' }))
    const given = options.filter(([, value]) => value !== '').flatMap((pair) => ['--option', pair.join('=')])
    await home.says(['channels', 'add', 'mail', ...given])
    const { code, err } = await home.run(['channels', 'test', 'mail'])
    expect(code).toBe(1)
    const command = `holdfast channels change mail --option certificate=${server.fingerprint}`
    expect(err).toContain(command)
    await home.says(command.split(' ').slice(1))
    expect(await home.says(['channels', 'test', 'mail'])).toContain('delivered')
    expect(mailTo('cli@lab.example')).toHaveLength(1)
  })
})
