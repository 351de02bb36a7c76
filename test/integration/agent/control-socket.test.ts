import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { listenForCommands, sendCommand } from '../../../core/agent/control-socket.ts'
import { Problem } from '../../../core/words/problem.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

async function listen(directory: string, answer: (command: string, input: unknown) => Promise<unknown>) {
  const socket = await listenForCommands(directory, answer)
  onTestFinished(() => socket.close())
  return socket
}

describe('the control socket', () => {
  it('carries a command and its answer', async () => {
    const directory = temporaryDirectory()
    await listen(directory, async (command, input) => ({ command, input }))
    expect(await sendCommand(directory, 'pause', { minutes: 15 })).toEqual({
      command: 'pause',
      input: { minutes: 15 },
    })
  })

  it('carries a refusal as the same sentence', async () => {
    const directory = temporaryDirectory()
    await listen(directory, async () => {
      throw new Problem('refuse.missing', { path: '/nowhere' })
    })
    await expect(sendCommand(directory, 'x', {})).rejects.toThrow('/nowhere does not exist')
  })

  it('is the lock of its data directory', async () => {
    const directory = temporaryDirectory()
    const first = await listen(directory, async () => 'first')
    await expect(listenForCommands(directory, async () => 'second')).rejects.toThrow('already running')
    expect(await sendCommand(directory, 'x', {})).toBe('first')
    first.close()
    await listen(directory, async () => 'third')
    expect(await sendCommand(directory, 'x', {})).toBe('third')
  })

  it('takes over what a killed agent left behind', async () => {
    const directory = temporaryDirectory()
    writeFileSync(path.join(directory, 'agent.sock'), '')
    await listen(directory, async () => 'well')
    expect(await sendCommand(directory, 'x', {})).toBe('well')
  })

  it('says how to start the agent if none runs', async () => {
    await expect(sendCommand(temporaryDirectory(), 'x', {})).rejects.toThrow('holdfast agent')
  })

  it('works where the directory is too deep for a socket in it', async () => {
    const directory = path.join(temporaryDirectory(), 'd'.repeat(200))
    await listen(directory, async () => 'deep')
    expect(await sendCommand(directory, 'x', {})).toBe('deep')
  })
})
