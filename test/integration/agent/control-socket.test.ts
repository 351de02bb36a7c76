// @module-tag story
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { listenForCommands, sendCommand } from '../../../core/agent/control-socket.ts'
import { UserError } from '../../../core/lib/i18n/user-error.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

async function listen(directory: string, answer: (command: string, input: unknown) => Promise<unknown>) {
  const socket = await listenForCommands(directory, answer)
  onTestFinished(() => socket.close())
  return socket
}

describe('control socket', () => {
  it('a command and its answer are carried', async () => {
    const directory = temporaryDirectory()
    await listen(directory, async (command, input) => ({ command, input }))
    expect(await sendCommand(directory, 'pause', { minutes: 15 })).toEqual({
      command: 'pause',
      input: { minutes: 15 },
    })
  })

  it('a refusal arrives as the same sentence', async () => {
    const directory = temporaryDirectory()
    await listen(directory, async () => {
      throw new UserError('refuse.missing', { path: '/nowhere' })
    })
    await expect(sendCommand(directory, 'x', {})).rejects.toThrow('/nowhere does not exist')
  })

  it('clients that disconnect before the answer do not disturb the next one', async () => {
    const directory = temporaryDirectory()
    await listen(directory, async () => 'x'.repeat(1_000_000))
    const leave = () =>
      new Promise<void>((resolve) => {
        const socket = net.connect(path.join(directory, 'agent.sock'))
        socket.once('connect', () => {
          socket.write('{"command":"x","input":{}}\n')
          socket.destroy()
        })
        socket.once('close', () => resolve())
      })
    await Promise.all(Array.from({ length: 50 }, leave))
    expect(await sendCommand(directory, 'x', {})).toHaveLength(1_000_000)
  })

  it('a socket file that a killed agent left behind is taken over', async () => {
    const directory = temporaryDirectory()
    writeFileSync(path.join(directory, 'agent.sock'), '')
    await listen(directory, async () => 'well')
    expect(await sendCommand(directory, 'x', {})).toBe('well')
  })

  it('a command without a running agent fails with the command that starts one', async () => {
    await expect(sendCommand(temporaryDirectory(), 'x', {})).rejects.toThrow('holdfast agent')
  })

  it('the socket is not created in a directory whose path is too deep for macOS, with its limit of 104 bytes', async () => {
    const parent = temporaryDirectory()
    const directory = path.join(parent, 'd'.repeat(105 - `${parent}//agent.sock`.length))
    mkdirSync(directory)
    const platform = vi.spyOn(process, 'platform', 'get').mockReturnValue('darwin')
    onTestFinished(() => platform.mockRestore())
    await listen(directory, async () => 'deep')
    expect(await sendCommand(directory, 'x', {})).toBe('deep')
    expect(existsSync(path.join(directory, 'agent.sock'))).toBe(false)
  })

  it('a command is answered where the directory is too deep for a socket in it', async () => {
    const directory = path.join(temporaryDirectory(), 'd'.repeat(200))
    mkdirSync(directory)
    await listen(directory, async () => 'deep')
    expect(await sendCommand(directory, 'x', {})).toBe('deep')
  })
})
