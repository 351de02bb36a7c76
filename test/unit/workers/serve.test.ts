// @module-tag timeless
import { execFileSync, fork } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const core = (file: string) => JSON.stringify(fileURLToPath(new URL(file, import.meta.url)))

test('worker process: it exits at once when its supervisor disconnects, even if its stop would hang', async () => {
  const module = path.join(temporaryDirectory('serve'), 'worker.mjs')
  writeFileSync(
    module,
    `import { childProcessPort } from ${core('../../../core/lib/workers/serve.ts')}
     import { serveWorker } from ${core('../../../core/lib/workers/serve.ts')}
     import { scannerDefinition } from ${core('../../../core/scan/scanner-messages.ts')}
     const never = () => new Promise(() => undefined)
     serveWorker(childProcessPort(), scannerDefinition, () => ({ configure: never, requests: {}, stop: never }))`,
  )
  const child = fork(module, { execArgv: [] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let ready = false
  let gone = false
  child.once('message', () => {
    ready = true
  })
  child.once('exit', () => {
    gone = true
  })
  await until('it is ready', () => ready)
  child.disconnect()
  await until('it has ended', () => gone, 1_000)
})

test('worker process: it requests more threads, once, while calls that hang occupy its pool', async () => {
  const directory = temporaryDirectory('serve')
  const [module, pipe] = [path.join(directory, 'worker.mjs'), path.join(directory, 'pipe')]
  execFileSync('mkfifo', [pipe])
  writeFileSync(
    module,
    `import { open } from 'node:fs'
     import { childProcessPort } from ${core('../../../core/lib/workers/serve.ts')}
     import { serveWorker } from ${core('../../../core/lib/workers/serve.ts')}
     import { scannerDefinition } from ${core('../../../core/scan/scanner-messages.ts')}
     const stop = async () => undefined
     serveWorker(childProcessPort(), scannerDefinition, () => ({ configure: stop, requests: {}, stop }))
     // Each hangs until somebody writes.
     for (let calls = 0; calls < 2; calls += 1) open(${JSON.stringify(pipe)}, 'r', () => undefined)`,
  )
  const child = fork(module, { execArgv: [], env: { ...process.env, UV_THREADPOOL_SIZE: '2' } })
  onTestFinished(() => void child.kill('SIGKILL'))
  const heard: string[] = []
  let exited = false
  child.on('message', ({ type }: { type: string }) => void heard.push(type))
  child.once('exit', () => {
    exited = true
  })
  await until('it requests more threads', () => heard.includes('crowded'))
  await until('the next heartbeat', () => heard.at(-1) === 'alive')
  child.send({ type: 'stop' })
  await until('it has ended', () => exited)
  expect(heard.filter((type) => type !== 'alive')).toEqual(['ready', 'crowded', 'stopped'])
})

test('worker process: a failed configuration is retried until it succeeds, and a repeated error is logged once', async () => {
  const module = path.join(temporaryDirectory('serve'), 'worker.mjs')
  writeFileSync(
    module,
    `import { childProcessPort } from ${core('../../../core/lib/workers/serve.ts')}
     import { serveWorker } from ${core('../../../core/lib/workers/serve.ts')}
     import { scannerDefinition } from ${core('../../../core/scan/scanner-messages.ts')}
     let tries = 0
     serveWorker(childProcessPort(), scannerDefinition, ({ report }) => ({
       async configure() {
         tries += 1
         if (tries < 4) throw new Error(tries < 3 ? 'not yet' : 'nearly')
         report({ scanned: [] })
       },
       requests: {},
       stop: async () => undefined,
     }))`,
  )
  const child = fork(module, { execArgv: [] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const heard: { type: string; message?: string }[] = []
  child.on('message', (message: { type: string }) => heard.push(message))
  const config = {
    sources: [],
    ledgerPath: '/nowhere',
    destinations: ['d'],
    reconcileSeconds: 5,
    quietSeconds: 1,
  }
  await until('it is ready', () => heard.some(({ type }) => type === 'ready'))
  child.send({ type: 'configure', config })
  await until('it has succeeded', () => heard.some(({ type }) => type === 'report'))
  const logged = heard.flatMap(({ type, message }) => (type === 'log' ? [message] : []))
  expect(logged).toEqual(['configure: Error: not yet', 'configure: Error: nearly'])
})

test.each([
  ['1', ['debug ENOENT dropped: it is not there', 'warn EIO dropped: the disk failed']],
  ['', ['warn EIO dropped: the disk failed']],
])('worker process: dropped errors are sent to its supervisor (HOLDFAST_DEBUG=%s)', async (debug, lines) => {
  const module = path.join(temporaryDirectory('serve'), 'worker.mjs')
  writeFileSync(
    module,
    `import { dropError, warnUnlessCode } from ${core('../../../core/dropped-errors.ts')}
     import { childProcessPort } from ${core('../../../core/lib/workers/serve.ts')}
     import { serveWorker } from ${core('../../../core/lib/workers/serve.ts')}
     import { scannerDefinition } from ${core('../../../core/scan/scanner-messages.ts')}
     const failed = (code) => Object.assign(new Error(code), { code })
     serveWorker(childProcessPort(), scannerDefinition, () => {
       dropError(failed('ENOENT'), 'it is not there')
       warnUnlessCode(failed('EIO'), [], 'the disk failed')
       return { configure: async () => undefined, requests: {}, stop: async () => undefined }
     })`,
  )
  const child = fork(module, { execArgv: [], env: { ...process.env, HOLDFAST_DEBUG: debug } })
  onTestFinished(() => void child.kill('SIGKILL'))
  const heard: { type: string; level?: string; message?: string }[] = []
  child.on('message', (message: { type: string }) => heard.push(message))
  await until('it is ready', () => heard.some(({ type }) => type === 'ready'))
  expect(
    heard.filter(({ type }) => type === 'log').map(({ level, message }) => `${level} ${message}`),
  ).toEqual(lines)
})

test('worker process: it answers requests, is nudged, and ends after its stop', async () => {
  const module = path.join(temporaryDirectory('serve'), 'worker.mjs')
  writeFileSync(
    module,
    `import { childProcessPort, serveWorker } from ${core('../../../core/lib/workers/serve.ts')}
     import { UserError } from ${core('../../../core/lib/i18n/user-error.ts')}
     import { scannerDefinition } from ${core('../../../core/scan/scanner-messages.ts')}
     serveWorker(childProcessPort(), scannerDefinition, ({ log, nudge }) => ({
       configure: async () => undefined,
       nudge: () => nudge(),
       requests: {
         lost: async ({ source }) => ({ paths: [source] }),
         release: async () => { throw new UserError('restore.notHeld') },
       },
       stop: async () => log('info', 'stopped'),
     }))`,
  )
  const child = fork(module, { execArgv: [] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const heard: { type: string; id?: number }[] = []
  let hasEnded = false
  child.on('message', (message: { type: string }) => heard.push(message))
  child.once('exit', () => {
    hasEnded = true
  })
  await until('it is ready', () => heard.some(({ type }) => type === 'ready'))
  const ask = (id: number, name: string, input: object = { source: 's' }) =>
    child.send({ type: 'request', id, name, input })
  ask(1, 'lost')
  ask(2, 'release')
  ask(3, 'lost', {})
  ask(4, 'none')
  // It is none of the worker's own requests, and one that it has no function for.
  ask(5, 'acceptDeleted')
  child.send({ type: 'nudge' })
  const answers = () => heard.filter(({ id }) => id !== undefined)
  await until('all answers', () => answers().length === 5 && heard.some(({ type }) => type === 'nudge'))
  expect(answers().sort((a, b) => (a.id ?? 0) - (b.id ?? 0))).toMatchObject([
    { type: 'response', output: { paths: ['s'] } },
    { type: 'failure', sentence: { key: 'restore.notHeld' } },
    ...Array.from({ length: 3 }, () => ({ type: 'failure' })),
  ])
  for (let count = 0; count < 2; count += 1) child.send({ type: 'stop' })
  await until('its end', () => hasEnded)
  expect(heard.filter(({ type }) => type === 'log')).toMatchObject([{ message: 'stopped' }])
})
