import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { CHECK_NAMES, GUARD } from '../../../build/setup/guard.mjs'
import { formerNames } from '../../../cli/former-names.ts'
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
    const script = `process.on('${signal}', () => {
        process.stdin.once('data', () => process.exit(9))
        console.log('asked ${name}')
      })
      setInterval(() => undefined, 1000)
      console.log('ready ${name}')`
    const { guard, said } = guarded(`exec '${process.execPath}' -e "${script}"`)
    await until('the command to run', () => said().includes(`ready ${name}`))
    guard.kill(signal)
    await until('the signal to reach it', () => said().includes(`asked ${name}`))
    expect(guard.exitCode).toBeNull()
    guard.stdin?.write('end\n')
    expect(await once(guard, 'exit')).toEqual([9, null])
  },
)

test('guard: a command that the kernel keeps ends it by SIGUSR1, and remains', async () => {
  const { guard, said } = guarded('echo $$; kill -USR1 $HOLDFAST_GUARD; exec sleep 1000 >&- 2>&-')
  expect(await once(guard, 'exit')).toEqual([0, null])
  const command = Number(said())
  expect(process.kill(command, 0)).toBe(true)
  process.kill(command, 'SIGKILL')
})

test('guard: a command that is killed gives the exit code of the signal', async () => {
  const { guard } = guarded('kill -KILL $$')
  expect(await once(guard, 'exit')).toEqual([137, null])
})

test('guard: a command that the kernel keeps after SIGHUP ends it with 129', async () => {
  const script = `process.on('SIGHUP', () => process.kill(process.ppid, 'SIGUSR1'))
    setInterval(() => undefined, 1000)
    console.log(process.pid)`
  const { guard, said } = guarded(`exec '${process.execPath}' -e "${script}"`)
  await until('the command to run', () => said() !== '')
  onTestFinished(() => void process.kill(Number(said()), 'SIGKILL'))
  guard.kill('SIGHUP')
  expect(await once(guard, 'exit')).toEqual([129, null])
})

test('guard: a command starts although the standard input is closed', () => {
  const closed = spawnSync('/bin/sh', [
    '-c',
    'exec /bin/sh -c "$0" holdfast readlink /proc/self/fd/0 <&-',
    GUARD,
  ])
  expect([closed.status, String(closed.stdout), String(closed.stderr)]).toEqual([0, '/dev/null\n', ''])
})

test('guard: the command ends with the launcher that the guard was given', () => {
  const words = 'echo "$HOLDFAST_LAUNCHER $((HOLDFAST_GUARD == $PPID))"'
  const run = (env: NodeJS.ProcessEnv) =>
    String(spawnSync('/bin/sh', ['-c', GUARD, 'holdfast', '/bin/sh', '-c', words], { env }).stdout)
  expect(run({ HOLDFAST_LAUNCHER: '17' })).toBe('17 1\n')
  expect(run({})).toMatch(/^\d+ 1\n$/)
})

test('guard: it has every name of the command', () => {
  const former = formerNames.filter(([, now]) => now === 'check').map(([before]) => before)
  expect(CHECK_NAMES).toEqual(['check', ...former])
})
