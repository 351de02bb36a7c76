import { expect, test } from 'vitest'
import { eventSinkSchema } from '../../../core/settings/event-sinks.ts'

const read = (sink: object) => eventSinkSchema.safeParse({ id: 'sink', name: 'Sink', ...sink })

test.each([
  [{ kind: 'webhook' }],
  [{ kind: 'mqtt', options: { broker: 'mqtts://broker.test', user: 'station' } }],
  [{ kind: 'command', command: ['/bin/true'] }],
])('event sink settings: accept %j', (sink) => expect(read(sink).error).toBeUndefined())

test.each([
  [{ kind: 'mqtt' }, 'options.broker'],
  [{ kind: 'mqtt', options: { broker: 'broker test' } }, 'options.broker'],
  [{ kind: 'mqtt', options: { broker: 'mqtts://broker.test', password: 'secret' } }, 'options.password'],
  [{ kind: 'webhook', options: { nonsense: 'x' } }, 'options.nonsense'],
  [{ kind: 'webhook', command: ['/bin/true'] }, 'command'],
  [{ kind: 'command', command: [''] }, 'command'],
])('event sink settings: refuse %j', (sink, field) =>
  expect(read(sink).error?.issues.map(({ path }) => path.join('.'))).toEqual([field]),
)
