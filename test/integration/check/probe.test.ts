import { once } from 'node:events'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { probe } from '../../support/check/probe.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** An endpoint of LINE Notify's kind that answers with one status, and keeps what was posted. */
async function startEndpoint(status: number) {
  const posts: { headers: IncomingMessage['headers']; method: string | undefined; body: string }[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    posts.push({ headers: request.headers, method: request.method, body })
    if (status > 0) response.writeHead(status, { 'Content-Type': 'application/json' }).end('{"status":200}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { url: `http://127.0.0.1:${port}/api/notify`, posts }
}

function tokenFile(content: string): string {
  const file = path.join(temporaryDirectory('token'), 'token')
  writeFileSync(file, content)
  return file
}

describe('`holdfast check`', () => {
  it('--template defines the message, and an unknown field or a blank template exits 2', async () => {
    const words = [
      '/proc/1',
      '--project',
      '{step}',
      '--template',
      'Disk {path}, {resource}:\\n{step} of {project}',
    ]
    const result = await probe(...words)
    const of = (step: string) => `Disk /proc/1, /proc/1:\n${step} of {step}\n`
    expect(result).toMatchObject({ code: 1, out: of('touch') + of('ls') })
    for (const template of ['{disk} failed', '{constructor}', ' '])
      expect(await probe('/proc/1', '--template', template)).toMatchObject({ code: 2, out: '' })
  })

  it('healthy paths print nothing, leave no file and exit 0; a file, even a missing one, stands for its directory', {
    tags: 'story',
  }, async () => {
    const directory = temporaryDirectory('probe')
    writeFileSync(path.join(directory, 'file'), '')
    const result = await probe(directory, path.join(directory, 'file'), path.join(directory, 'foobar'))
    expect(result).toMatchObject({ code: 0, out: '', err: '' })
    expect(readdirSync(directory)).toEqual(['file'])
  })

  it('a missing path prints each failed step in the monitor’s format, prints the reason and exits 1', {
    tags: 'story',
  }, async () => {
    const gone = path.join(temporaryDirectory('probe'), 'gone', 'too')
    const result = await probe('--project', 'P 1&2%3+', '--resource', 'vm-7', gone)
    expect(result.code).toBe(1)
    expect(result.out).toBe(
      '[PROJ_CODE] P 1&2%3+, in vm-7\n>>> touch failed\n[PROJ_CODE] P 1&2%3+, in vm-7\n>>> ls failed\n',
    )
    expect(result.err).toContain(`${gone} is missing`)
    // Nothing has to be protected to be probed: there is no place to remove it from.
    expect(result.err).toContain('If it was removed on purpose, stop checking it.')
  })

  it('relative paths and odd names are accepted; a name that is too long fails with its error code', async () => {
    const directory = temporaryDirectory('probe')
    const odd = path.join(directory, 'two\nlines "quoted"')
    mkdirSync(odd)
    expect(await probe(odd, path.relative(process.cwd(), odd))).toMatchObject({ code: 0, out: '', err: '' })
    const long = await probe('--json', `/${'x'.repeat(5_000)}`, 'relative/none/at-all')
    expect(long.code).toBe(1)
    const { paths } = JSON.parse(long.out)
    expect(paths.map(({ code }: { code: string }) => code)).toEqual(['ENAMETOOLONG', 'ENOENT'])
    expect((await probe('')).code).toBe(2)
  })

  it('--timeout accepts a time with a unit', async () => {
    expect((await probe('--timeout', '2m', temporaryDirectory('probe'))).code).toBe(0)
  })

  it.each(['0', '-1', 'soon', '86401', 'NaN'])('timeout %s is rejected with exit code 2', async (seconds) => {
    const { code, err } = await probe('--timeout', seconds, '/tmp')
    expect(code).toBe(2)
    expect(err).toContain('It must be a time')
  })

  it('the message contains the path if no resource is given', async () => {
    const gone = path.join(temporaryDirectory('probe'), 'gone', 'too')
    expect((await probe(gone)).out).toContain(`, in ${gone}\n`)
  })

  it('--json prints each path’s result and failed steps', { tags: 'story' }, async () => {
    const directory = temporaryDirectory('probe')
    const gone = path.join(directory, 'gone', 'too')
    const { code, out } = await probe('--json', directory, gone)
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject({
      well: false,
      delivered: true,
      paths: [
        { path: directory, well: true, kind: 'ok', failedSteps: [] },
        {
          path: gone,
          well: false,
          kind: 'missing',
          step: 'create',
          code: 'ENOENT',
          failedSteps: ['touch', 'ls'],
        },
      ],
    })
  })

  it.each([
    ['no path', []],
    ['an unknown option', ['--colour', '/tmp']],
    ['a timeout that is no number', ['--timeout', 'soon', '/tmp']],
    ['a token file that is not there', ['--line-token-file', '/nowhere/token', '/tmp']],
  ])('the command exits 2 on %s', async (_, words) => {
    const { code, err } = await probe(...words)
    expect(code).toBe(2)
    expect(err).not.toBe('')
  })

  it('an unusable token or endpoint exits 2 even if the path is healthy', async () => {
    expect((await probe('--line-token-file', tokenFile('a\nb'), '/tmp')).code).toBe(2)
    expect((await probe('--line-token-file', tokenFile('t'), '--line-endpoint', 'junk', '/tmp')).code).toBe(2)
  })

  it('--line-token-file posts the LINE Notify form once for each failed step', async () => {
    const { url, posts } = await startEndpoint(200)
    const gone = path.join(temporaryDirectory('probe'), 'gone', 'too')
    const token = tokenFile('secret-token\n')
    const words = [
      '--project',
      'A&B %41+C',
      '--resource',
      '機器',
      '--line-token-file',
      token,
      '--line-endpoint',
      url,
    ]
    const { code, out, err } = await probe(...words, gone)
    expect(code).toBe(1)
    expect(posts.length).toBe(2)
    expect(posts[0]).toMatchObject({
      method: 'POST',
      headers: {
        authorization: 'Bearer secret-token',
        'content-type': 'application/x-www-form-urlencoded;charset=UTF-8',
      },
    })
    expect([...new URLSearchParams(posts[0]?.body)]).toEqual([
      ['message', '\n[PROJ_CODE] A&B %41+C, in 機器\n>>> touch failed'],
      ['stickerPackageId', '1'],
      ['stickerId', '3'],
    ])
    expect(new URLSearchParams(posts[1]?.body).get('message')).toMatch(/>>> ls failed$/)
    expect(out + err).not.toContain('secret-token')
  })

  it('--channel sends through channels of the settings, with their formats and labels', {
    tags: 'story',
  }, async () => {
    const { url, posts } = await startEndpoint(200)
    const home = temporaryDirectory('probe-home')
    const channels = [
      { id: 'hook', name: 'Night watch', type: 'webhook' },
      { id: 'line', name: 'LINE', type: 'line-notify', options: { endpoint: url } },
    ]
    const labels = { project: 'P7', resource: 'vm-7' }
    writeFileSync(path.join(home, 'settings.json'), JSON.stringify({ alerts: { labels, channels } }))
    const secrets = { hook: { url: { plain: url } }, line: { token: { plain: 'secret-token' } } }
    writeFileSync(path.join(home, 'secrets.json'), JSON.stringify({ version: 2, owners: secrets }))
    const gone = path.join(temporaryDirectory('probe'), 'gone', 'too')
    const words = ['--data', home, '--channel', 'Night watch', '--channel', 'line', gone]
    const { code, out } = await probe(...words)
    expect(code).toBe(1)
    expect(out).toContain('[PROJ_CODE] P7, in vm-7\n>>> touch failed')
    const forms = posts.filter(({ headers }) => headers['content-type']?.includes('urlencoded') === true)
    expect(forms.map(({ body }) => new URLSearchParams(body).get('message'))).toEqual([
      '\n[PROJ_CODE] P7, in vm-7\n>>> touch failed',
      '\n[PROJ_CODE] P7, in vm-7\n>>> ls failed',
    ])
    const json = posts.filter((post) => !forms.includes(post)).map(({ body }) => JSON.parse(body))
    expect(json).toMatchObject([{ incident: { kind: 'missing' } }, { what: 'failed' }])
    expect((await probe('--data', home, '--channel', 'nobody', gone)).code).toBe(2)
  })

  it('a healthy path posts nothing to LINE Notify', async () => {
    const { url, posts } = await startEndpoint(200)
    const words = ['--line-token-file', tokenFile('t'), '--line-endpoint', url]
    expect((await probe(...words, temporaryDirectory('probe'))).code).toBe(0)
    expect(posts).toEqual([])
  })

  it.each([
    ['refuses the token', 401, /401/],
    ['answers with an error', 500, /500/],
  ])('the command reports the failed delivery and exits 1 when the endpoint %s', async (_, status, words) => {
    const { url } = await startEndpoint(status)
    const gone = path.join(temporaryDirectory('probe'), 'gone', 'too')
    const { code, out, err } = await probe(
      '--line-token-file',
      tokenFile('t'),
      '--line-endpoint',
      url,
      '--json',
      gone,
    )
    expect(code).toBe(1)
    expect(err).toMatch(words)
    expect(JSON.parse(out).delivered).toBe(false)
  })

  it('an endpoint that refuses the connection is reported with its address', { tags: 'story' }, async () => {
    const gone = path.join(temporaryDirectory('probe'), 'gone', 'too')
    const words = ['--line-token-file', tokenFile('t'), '--line-endpoint', 'http://127.0.0.1:1/']
    const { code, err } = await probe(...words, gone)
    expect(code).toBe(1)
    expect(err).toMatch(/could not be delivered through LINE Notify: 127\.0\.0\.1/)
  })

  it('an empty token file is rejected with exit code 2', async () => {
    const { code, err } = await probe('--line-token-file', tokenFile(' \n'), '/tmp')
    expect(code).toBe(2)
    expect(err).toContain('is empty')
  })
})
