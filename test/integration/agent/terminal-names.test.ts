import path from 'node:path'
import { expect, test } from 'vitest'
import { holdfast, pairWith } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** What a receiver may call itself: the sender's terminal shows it. */
const FORGED = 'nas\nEverything is safe.\x1b[2J'
const QUOTED = 'nas\\x0aEverything is safe.\\x1b[2J'

const splitLines = (said: string) => said.trimEnd().split('\n')

test("terminal output: control characters and line breaks in a receiver's name are escaped", async () => {
  const store = path.join(temporaryDirectory('terminal-names'), 'store')
  const data = temporaryDirectory('terminal-names-data')
  const words = ['receive', '--store', store, '--host', '127.0.0.1', '--port', '0', '--name', FORGED]
  const command = startHoldfast(words)
  await command.says(/holdfast:\/\//)
  const paired = splitLines(await pairWith({ name: FORGED, store, command }, data, 'pc'))
  // The other line says what to do next.
  expect(paired).toEqual([expect.stringContaining(QUOTED), expect.stringMatching(/^Next, /)])
  const about = ['--data', data]
  expect(splitLines(await holdfast(['destinations', ...about]))).toEqual([expect.stringContaining(QUOTED)])
  const missing = startHoldfast(['destinations', 'remove', `no ${FORGED}`, ...about])
  expect(await missing.ended()).toBe(1)
  expect(splitLines(missing.err())).toEqual([expect.stringContaining(`no ${QUOTED}`)])
  const renamed = await holdfast(['destinations', 'rename', FORGED, 'nas', ...about])
  expect(splitLines(renamed)).toEqual([expect.stringContaining(QUOTED)])
})

test('terminal output: control characters in a probed path and in an unknown command are escaped', async () => {
  const unknown = startHoldfast([FORGED])
  expect(await unknown.ended()).toBe(2)
  expect(splitLines(unknown.err())[0]).toContain(`no command “${QUOTED}”`)
  const gone = path.join(temporaryDirectory('probe'), 'gone', FORGED)
  const probed = startHoldfast(['check', gone])
  expect(await probed.ended()).toBe(1)
  expect(splitLines(probed.err())).toEqual([expect.stringContaining(`${QUOTED} is missing`)])
  expect(splitLines(probed.out())).toContainEqual(expect.stringContaining(QUOTED))
  expect(splitLines(probed.out())).toHaveLength(4)
})
