import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { openDialog } from '../support/desktop/dialog.ts'
import { until } from '../support/until.ts'
import { expect, test } from './desktop.ts'

test('worker: one that V8 aborts is restarted, and the crash is logged without a dialog', {
  tag: '@story',
}, async ({ desktop }) => {
  const checkedPaths = [{ id: 'home', path: path.dirname(desktop.dataDirectory) }]
  const { holdfast, state } = await desktop.start({ settings: { checkedPaths } })
  const checker = async () => (await state()).workers.checker
  const first = await until('a checker', async () => (await checker()).pid)
  const fatal = path.join(desktop.dataDirectory, 'fatal.cjs')
  writeFileSync(
    fatal,
    "process._linkedBinding('electron_common_v8_util').triggerFatalErrorForTesting() // as Electron's own tests",
  )
  await holdfast.application.evaluate(({ utilityProcess }, file) => {
    const fork = utilityProcess.fork
    utilityProcess.fork = (_file, words, options) => {
      utilityProcess.fork = fork
      return fork(file, words, options)
    }
  }, fatal)
  process.kill(first, 'SIGKILL')
  const log = () => readFileSync(path.join(desktop.dataDirectory, 'logs', 'agent.log'), 'utf8')
  await until('the log to say so', () => log().includes('checker ended: a fatal error of V8 in v8::'))
  await until('a checker that runs', async () => {
    const { condition, restarts } = await checker()
    return condition === 'running' && restarts === 2
  })
  expect(await openDialog()).toBeNull()
})
