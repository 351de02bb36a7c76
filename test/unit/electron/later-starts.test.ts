import { EventEmitter } from 'node:events'
import { expect, it } from 'vitest'
import { formatPairingCode } from '../../../core/protocol/pairing-code.ts'
import { listenForStarts } from '../../../electron/main/later-starts.ts'
import { isPairingCode } from '../../../electron/main/pairing-links.ts'

it('second start: its directories are kept until the first instance handles them, and are handled once', () => {
  const app = new EventEmitter()
  const starts = listenForStarts(app)
  const again = (data: unknown) => app.emit('second-instance', {}, [], '/', data)
  again({ directories: ['/early'] })
  again('what another version may say')
  const taken: string[][] = []
  starts.answer((directories) => taken.push(directories))
  expect(taken).toEqual([['/early'], []])
  again({ directories: ['/late'] })
  expect(taken.at(-1)).toEqual(['/late'])
  expect(taken).toHaveLength(3)

  // Somebody else takes them from now on, and none twice.
  const others: string[][] = []
  starts.answer((directories) => others.push(directories))
  again({ directories: ['/last'] })
  expect(others).toEqual([['/last']])
  expect(taken).toHaveLength(3)
})

it('second start: a pairing link is passed on, any other link is not', () => {
  const code = {
    host: 'nas-2.example',
    port: 7443,
    code: 'abc123',
    fingerprint: 'a'.repeat(64),
    name: 'nas-2',
  }
  const link = formatPairingCode(code)
  const told: string[] = []
  const app = new EventEmitter()
  const starts = listenForStarts(app, link)
  starts.answer((_directories, named) => named !== null && isPairingCode(named) && told.push(named))
  expect(told).toEqual([link])
  for (const named of ['holdfast://run?command=rm', `${link}${'x'.repeat(2_000)}`, '/photos', link])
    app.emit('second-instance', {}, [], '/', { directories: [], links: [named] })
  expect(told).toEqual([link, link])
})
