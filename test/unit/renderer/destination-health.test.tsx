import { MantineProvider } from '@mantine/core'
import { renderToStaticMarkup } from 'react-dom/server'
import { expect, test } from 'vitest'
import type { DestinationState } from '../../../core/agent/state/schema.ts'
import { message } from '../../../core/words/message.ts'
import { DestinationHealth } from '../../../renderer/features/destinations/destination-health.tsx'
import { isTroubled } from '../../../renderer/features/overview/describe.ts'
import { theme } from '../../../renderer/ui/theme.ts'
import { WordsProvider } from '../../../renderer/words/context.tsx'
import { destinationState } from './fake-state.ts'

type Connection = DestinationState['connection']

const problem = message('transfer.storeFull', { name: 'nas' })
const there = (state: Connection['state'], problem: Connection['problem'] = null) =>
  destinationState('nas', { connection: { state, since: Date.now(), problem } })

const markupOf = (destination: DestinationState) =>
  renderToStaticMarkup(
    <MantineProvider theme={theme}>
      <WordsProvider language="en">
        <DestinationHealth destination={destination} />
      </WordsProvider>
    </MantineProvider>,
  )
const levelOf = (destination: DestinationState) => /data-level="(\w+)"/.exec(markupOf(destination))?.[1]

test('a destination with a problem is never shown as well', () => {
  expect(levelOf(there('connected'))).toBe('ok')
  for (const state of ['idle', 'connecting', 'connected'] as const)
    expect(levelOf(there(state, problem)), state).toBe('attention')
  expect(levelOf(there('refused', problem))).toBe('failing')
  expect(markupOf(there('unreachable', problem))).toContain('card-problem warn')
  expect(markupOf(there('refused', problem))).not.toContain('warn')
})

test('nothing can be sent where the sender cannot start', () => {
  expect(isTroubled(there('idle', problem))).toBe(true)
  expect(isTroubled(there('idle'))).toBe(false)
})
