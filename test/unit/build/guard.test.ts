import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { GUARD } from '../../../build/setup/guard.mjs'
import { until } from '../../support/until.ts'

/** Starts a shell command under the guard. */
function guarded(command: string): { guard: ChildProcess; said: () => string } {
  const guard = spawn('/bin/sh', ['-c', GUARD, 'holdfast', '/bin/sh', '-c', command])
  let said = ''
  guard.stdout.on('data', (chunk) => {
    said += chunk
  })
  onTestFinished(() => void guard.kill('SIGKILL'))
  return { guard, said: () => said }
}

test('guard: the command reads the input, and its exit code is returned', async () => {
  const { guard, said } = guarded('read word; echo "read $word"; exit 7')
  guard.stdin?.write('this\n')
  expect(await once(guard, 'exit')).toEqual([7, null])
  expect(said()).toBe('read this\n')
})

test.each([['SIGTERM'], ['SIGINT'], ['SIGHUP']] as const)(
  'guard: %s reaches the command, which may take its time to end',
  async (signal) => {
    const name = signal.slice(3)
    // A shell that was started in the background does not get SIGINT, so another program waits for it.
    const script = `process.on('${signal}', () => setTimeout(() => process.exit(9), 100))
      setInterval(() => undefined, 1000)
      console.log('ready ${name}')`
    const { guard, said } = guarded(`exec '${process.execPath}' -e "${script}"`)
    await until('the command to run', () => said().includes(`ready ${name}`))
    guard.kill(signal)
    expect(await once(guard, 'exit')).toEqual([9, null])
  },
)

test('guard: a command that the kernel keeps ends it by SIGUSR1, and remains', async () => {
  const { guard, said } = guarded('echo $$; kill -USR1 $HOLDFAST_LAUNCHER; exec sleep 1000 >&- 2>&-')
  expect(await once(guard, 'exit')).toEqual([0, null])
  const command = Number(said())
  expect(process.kill(command, 0)).toBe(true)
  process.kill(command, 'SIGKILL')
})

test('guard: a command that is killed gives the exit code of the signal', async () => {
  const { guard } = guarded('kill -KILL $$')
  expect(await once(guard, 'exit')).toEqual([137, null])
})
