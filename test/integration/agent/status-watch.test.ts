import { expect, onTestFinished, test } from 'vitest'
import { listenForCommands } from '../../../core/agent/control-socket.ts'
import { stateWith } from '../../support/agent/status.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test('`holdfast status --watch` waits for an agent that is not there, ends or has another version', async () => {
  const data = temporaryDirectory('watch')
  const listen = async (answer: () => unknown) => {
    const socket = await listenForCommands(data, async () => answer())
    onTestFinished(() => socket.close())
    return socket
  }
  const watch = startHoldfast(['status', '--watch', '--data', data])
  await watch.says(/is not running/)
  const other = await listen(() => ({}))
  await watch.says(/Another version/)
  other.close()
  const ending = await listen(() => ending.close())
  await watch.says(/closed the connection/)
  await listen(() => ({ revision: 1, state: stateWith() }))
  await watch.says(/^ {2}data: /m)
  watch.child.kill('SIGINT')
  expect(await watch.ended()).toBe(0)
})

test('`holdfast status --watch --dismiss` is refused with exit code 2', async () => {
  const both = startHoldfast(['status', '--watch', '--dismiss', '--data', temporaryDirectory('watch')])
  expect(await both.ended()).toBe(2)
  expect(both.err()).toContain('--dismiss')
})
