import { expect, test } from 'vitest'
import { english } from '../../../core/lib/i18n/dictionaries.ts'
import { message, type WordKey } from '../../../core/lib/i18n/message.ts'
import { useStepAction } from '../../../renderer/features/file/step-action.ts'
import { emptyState } from './fake-state.ts'
import { renderWords } from './rendered.tsx'

const steps = Object.keys(english()).filter((key): key is WordKey => key.startsWith('why.step.'))

/** Lists the steps that have no button. */
function Commands() {
  const getAction = useStepAction({
    explanation: {
      ...{ path: '/data/a', folder: null, verdict: 'waiting', sentence: message('why.waiting') },
      ...{ details: [], places: [], below: null, steps: [] },
    },
    state: emptyState(),
    ...{ onClose: () => undefined, onOpen: () => undefined, onRestore: () => undefined },
  })
  return steps
    .filter((key) => getAction({ sentence: message(key), command: 'x', about: 's' }) === null)
    .join(' ')
}

test('page of a file: each step is a button, except those of a terminal and the list of versions below', () => {
  expect(steps.length).toBeGreaterThan(10)
  expect(
    renderWords(<Commands />)
      .trim()
      .split(' ')
      .sort(),
  ).toEqual(['agent', 'list', 'look', 'versions', 'writers'].map((step) => `why.step.${step}`))
})
