import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { freePort } from '../../support/servers/sftp.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const root = path.resolve(import.meta.dirname, '../../..')

/** Starts an agent from a copy of the sources in which the page is not built. Returns that checkout. */
function startFromCheckout(data: string): string {
  const checkout = temporaryDirectory('checkout')
  for (const name of ['assets', 'cli', 'core', 'package.json'])
    cpSync(path.join(root, name), path.join(checkout, name), { recursive: true })
  symlinkSync(path.join(root, 'node_modules'), path.join(checkout, 'node_modules'))
  const script = path.join(checkout, 'cli/holdfast.ts')
  const agent = spawn(process.execPath, [script, 'agent', '--data', data], { stdio: 'ignore' })
  onTestFinished(() => void agent.kill('SIGKILL'))
  return checkout
}

test('web page: a page that is built while the agent runs is served by the next `holdfast settings web on`', async () => {
  const data = temporaryDirectory('page-data')
  const checkout = startFromCheckout(data)
  await untilState(data, 'the agent', () => true)
  const port = String(await freePort())
  const turnOn = () => startHoldfast(['settings', 'web', 'on', '--port', port, '--data', data])

  const early = turnOn()
  expect(await early.ended()).toBe(1)
  expect(early.err()).toContain('This installation does not include the web page.')

  mkdirSync(path.join(checkout, 'out/renderer'), { recursive: true })
  writeFileSync(path.join(checkout, 'out/renderer/index.html'), '<!doctype html><title>Built</title>')
  const later = turnOn()
  expect(await later.ended(), later.err()).toBe(0)
  expect(later.out()).toContain(`http://127.0.0.1:${port}/`)
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toContain('<title>Built</title>')
})
