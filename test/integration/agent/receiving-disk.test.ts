import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { askAgent } from '../../support/agent/answers.ts'
import { untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { canMount, mountExt4 } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const fingerprint = (said: string) => /[0-9a-f]{64}/.exec(said)?.[0]

test.skipIf(!canMount)(
  '`holdfast receive`: no new store is created where its disk is not mounted (needs root)',
  async () => {
    const disk = await mountExt4(onTestFinished)
    const store = path.join(disk.point, 'hf')
    const env = { HOLDFAST_HOME: temporaryDirectory('home') }
    const receive = () =>
      startHoldfast(['receive', '--store', store, '--host', '127.0.0.1', '--port', '0'], env)
    const runs = async () => {
      const receiver = receive()
      const said = await until('it to say who it is', () => fingerprint(receiver.err()))
      receiver.child.kill('SIGTERM')
      expect(await receiver.ended()).toBe(0)
      return said
    }
    const first = await runs()
    await disk.unmount()
    const away = receive()
    expect(await away.ended()).toBe(1)
    expect(away.err()).toContain(`${store}: its disk may not be mounted`)
    expect(existsSync(store)).toBe(false)
    await disk.mountAgain()
    expect(await runs()).toBe(first)
  },
)

test.skipIf(!canMount)(
  'receiving in the agent: an unmounted disk is reported, and receiving starts once it is mounted (needs root)',
  async () => {
    const disk = await mountExt4(onTestFinished)
    const directory = path.join(disk.point, 'hf')
    const data = temporaryDirectory('receiving')
    const port = await aPort()
    const ask = askAgent(data)
    const agent = () => startHoldfast(['agent', '--data', data])
    const first = agent()
    await untilState(data, 'the agent', () => true)
    const receive = { directory, port, quotaBytes: null }
    expect(await ask('setReceiving', { receive })).toEqual({ done: true })
    await untilState(data, 'it to listen', ({ receiving }) => receiving?.isRunning === true)
    first.child.kill('SIGTERM')
    await first.ended()
    await disk.unmount()
    agent()
    const away = await untilState(data, 'its word', ({ receiving }) => (receiving?.problem ?? null) !== null)
    expect(away.receiving).toMatchObject({ isRunning: false, problem: { key: 'transfer.storeGone' } })
    expect(existsSync(directory)).toBe(false)
    await disk.mountAgain()
    await untilState(data, 'it to listen again', ({ receiving }) => receiving?.isRunning === true)
  },
)

/** A port that nobody had a moment ago. */
async function aPort(): Promise<number> {
  const server = createServer().listen(0)
  await until('a port', () => server.listening)
  const address = server.address()
  server.close()
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}
