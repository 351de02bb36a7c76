import { afterEach, expect, test, vi } from 'vitest'
import { openReceiverLog } from '../../../cli/receive/receiver-log.ts'
import { quoteControls, quoteLines } from '../../../cli/terminal/quote-controls.ts'
import { terminalHost } from '../../../cli/terminal-host.ts'

/** What a stranger may call itself, or a file. */
const FORGED = 'pc\n12:00:00 all is well\x1b[2J\x9b1A\r\x07'
const QUOTED = 'pc\\x0a12:00:00 all is well\\x1b[2J\\x9b1A\\x0d\\x07'

afterEach(() => vi.restoreAllMocks())

test('receiver log: control characters in a name are escaped on a terminal', () => {
  const said = vi.spyOn(console, 'error').mockReturnValue()
  const log = openReceiverLog(false)
  log('info', `${FORGED} asks to be paired`)
  log('debug', 'not for people')
  expect(said.mock.calls).toEqual([[`${QUOTED} asks to be paired`]])
})

test('terminal notification: control characters are escaped, so that it takes two lines', () => {
  const said: string[] = []
  const notification = { about: 'one', incident: 'one', title: FORGED, body: FORGED, urgent: false }
  terminalHost((line) => said.push(line)).notify(notification)
  expect(said).toEqual([`${QUOTED}\n  ${QUOTED.replace('\\x0a', ' · ')}`])
})

test('terminal output: bidirectional control characters in a name are escaped', () => {
  expect(quoteControls('\u202efdp.exe\u061c\u2069 é 照片')).toBe('\\u202efdp.exe\\u061c\\u2069 é 照片')
})

test('usage error: an unknown word is escaped, and the second line of the message is kept', () => {
  expect(quoteLines(`error: unknown command '${FORGED}'\n`)).toBe(`error: unknown command '${QUOTED}'\n`)
  const two = "error: unknown command 'statu'\n(Did you mean status?)\n"
  expect(quoteLines(two)).toBe(two)
})
