import { fork } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished, test } from 'vitest'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const core = (file: string) =>
  JSON.stringify(fileURLToPath(new URL(`../../../core/${file}`, import.meta.url)))

test('a worker ends at once when its supervisor is gone, also one that would take its time to stop', async () => {
  const module = path.join(temporaryDirectory('serve'), 'worker.mjs')
  writeFileSync(
    module,
    `import { childProcessPort } from ${core('worker/child-process-port.ts')}
     import { serveWorker } from ${core('worker/serve.ts')}
     import { scannerDefinition } from ${core('scan/messages.ts')}
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
