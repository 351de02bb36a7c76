import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { checkAll } from '../../../cli/check/check-all.ts'
import { runProbe } from '../../../cli/check/probe-run.ts'
import { listenForCommands } from '../../../core/agent/control-socket.ts'
import { LINE_NOTIFY_ENDPOINT } from '../../../core/alerts/channels/line.ts'
import { checkedAs } from '../../support/agent/checked.ts'
import { stateWith, well } from '../../support/agent/status.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** An agent whose only folder, /data, was checked at this time since 1970; null: it ends when it is asked to check. */
async function agent(at: () => number | null): Promise<string> {
  const data = temporaryDirectory('check-all')
  const socket = await listenForCommands(data, async (command) => {
    const time = at()
    if (time === null && command === 'checkNow') socket.close()
    const checked = checkedAs('a', { path: '/data', at: time ?? 0 })
    return command === 'snapshot'
      ? { revision: 1, state: stateWith({ sources: [{ ...well, checked }] }) }
      : {}
  })
  onTestFinished(() => socket.close())
  return data
}

/** Returns the exit code of a check, and what it prints. */
async function printed(check: () => Promise<number | null>) {
  const [out, err] = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, 'write').mockReturnValue(true),
  )
  try {
    const code = await check()
    return { code, out: out?.mock.calls.join('') ?? '', err: err?.mock.calls.join('') ?? '' }
  } finally {
    vi.restoreAllMocks()
  }
}

const byAgent = (data: string) => printed(() => checkAll({ data, timeout: 0.2, json: true }))
const alone = (data: string) =>
  printed(() => runProbe([], { data, timeout: 10, json: false, lineEndpoint: LINE_NOTIFY_ENDPOINT }))

test('`holdfast check` with an agent: a result of now is printed as that of a single check', async () => {
  const { code, out, err } = await byAgent(await agent(() => Date.now()))
  expect([code, err]).toEqual([0, ''])
  expect(JSON.parse(out)).toEqual({
    well: true,
    delivered: true,
    paths: [
      {
        ...{ path: '/data', well: true, kind: 'ok', step: null, code: null, elapsedMs: expect.any(Number) },
        ...{ failedSteps: [], sentence: expect.any(String) },
      },
    ],
  })
})

test('`holdfast check` with an agent: an OK result from before does not count for a path that hangs now', async () => {
  const { code, out, err } = await byAgent(await agent(() => 1_000))
  expect([code, err]).toEqual([1, expect.stringContaining('/data has not responded')])
  expect(JSON.parse(out).paths).toMatchObject([
    { path: '/data', well: false, kind: 'hung', failedSteps: ['touch'] },
  ])
})

test('`holdfast check` with an agent that ends meanwhile: the paths are left to the check without one', async () => {
  expect(await byAgent(await agent(() => null))).toEqual({ code: null, out: '', err: '' })
})

test('`holdfast check` without an agent: a mistyped data folder is wrong usage, and is not created', async () => {
  const data = path.join(temporaryDirectory('check-all'), 'typo')
  const found = await alone(data)
  expect(found).toMatchObject({ code: 2, out: '', err: expect.stringContaining('there is no such folder') })
  expect(existsSync(data)).toBe(false)
})

test('`holdfast check` without an agent: a settings file that cannot be read is wrong usage', async () => {
  const data = temporaryDirectory('check-all')
  writeFileSync(path.join(data, 'settings.json'), '{')
  expect(await alone(data)).toMatchObject({ code: 2, out: '', err: expect.stringContaining('settings.json') })
})
