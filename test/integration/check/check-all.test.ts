import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { holdfast, untilState } from '../../support/agent/two-receivers.ts'
import { commandScript } from '../../support/cli/command-script.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** Runs `holdfast check` in a terminal. */
async function checkAll(data: string): Promise<{ code: number; out: string }> {
  const line = `'${process.execPath}' '${commandScript}' check --data '${data}'`
  const child = spawn('script', ['-qec', line, '/dev/null'], { env: { ...process.env, LANG: 'C' } })
  let out = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  let code: number | null = null
  child.once('close', (ended) => {
    code = ended
  })
  return { code: await until('the check to end', () => code), out }
}

test('`holdfast check` in a terminal: all paths of the settings are checked, with and without an agent', async () => {
  const data = temporaryDirectory('check-all-data')
  expect((await checkAll(data)).code).toBe(2)
  const [kept, lost] = [temporaryDirectory('kept'), temporaryDirectory('lost')]
  await holdfast(['folders', 'add', kept, '--data', data])
  await holdfast(['folders', 'check', lost, '--data', data])
  expect(await checkAll(data)).toMatchObject({ code: 0, out: expect.stringContaining(`${lost} is OK`) })
  startHoldfast(['agent', '--data', data])
  await untilState(data, 'the agent', () => true)
  expect(await checkAll(data)).toMatchObject({ code: 0, out: expect.stringContaining(`${lost} is OK`) })
  rmSync(lost, { recursive: true })
  const found = await checkAll(data)
  expect(found).toMatchObject({ code: 1, out: expect.stringContaining(`${lost} is missing`) })
  expect(found.out).toContain(`${kept} is OK`)
})

test('`holdfast check` without an agent: a path of the settings that is missing fails', async () => {
  const data = temporaryDirectory('check-all-data')
  const lost = temporaryDirectory('lost')
  await holdfast(['folders', 'check', lost, '--data', data])
  rmSync(lost, { recursive: true })
  expect(await checkAll(data)).toMatchObject({ code: 1, out: expect.stringContaining(`${lost} is missing`) })
})
