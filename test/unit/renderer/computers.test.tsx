import { expect, test } from 'vitest'
import type { ComputerState } from '../../../core/agent/state/schema.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { ComputersPart } from '../../../renderer/features/computers/computers-part.tsx'
import { renderMarkup, renderWords, silentBridge } from './rendered.tsx'

const problem = message('computer.unreachable', { name: 'Attic', address: 'x', reason: 'ECONNREFUSED' })
const sentence = message('status.disk.read-only', { name: 'Photos' })
const computer = (name: string, changes: Partial<ComputerState>): ComputerState => ({
  ...{ id: name, name, address: `https://${name}:8420/` },
  connection: { state: 'connected', since: 0, problem: null },
  status: {
    level: 'ok',
    sentence: message('status.pathsWell', { count: 2 }),
    version: '1',
    failures: [],
    senders: null,
  },
  ...changes,
})
const computers = [
  computer('Cellar', {}),
  computer('New', { connection: { state: 'connecting', since: 0, problem: null }, status: null }),
  computer('Attic', { connection: { state: 'unreachable', since: 0, problem } }),
  computer('Roof', {
    status: { level: 'failing', sentence, version: '1', failures: [], senders: { failing: 1, well: 3 } },
  }),
]

test('other computers: the worst come first, each with its sentence and its senders', () => {
  const words = renderWords(<ComputersPart computers={computers} />)
  expect(words).toMatch(
    /Roof .*Photos is read-only\. .*4 stations · 1 fails.*Attic .*connection refused\..*New .*connecting.*Cellar .*All 2 paths are OK\./,
  )
  expect(renderWords(<ComputersPart computers={[]} />).trim()).toBe('')
})

test('other computers: a name is a button in the window, and in a browser a link to its page', () => {
  const part = <ComputersPart computers={computers.slice(0, 1)} />
  expect(renderMarkup(part)).not.toContain('href')
  expect(renderMarkup(part, 'en', { ...silentBridge, kind: 'page' })).toMatch(
    /<a [^>]*href="https:\/\/Cellar:8420\/" target="_blank" rel="noopener noreferrer"/,
  )
})
