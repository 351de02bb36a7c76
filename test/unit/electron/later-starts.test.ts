import { EventEmitter } from 'node:events'
import { expect, it } from 'vitest'
import { listenForStarts } from '../../../electron/main/later-starts.ts'

it('keeps what another start names while this one is not up yet', () => {
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
