import { expect, test } from 'vitest'
import { badInput } from '../../../core/agent/answering.ts'
import { commands } from '../../../core/agent/contract.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'

function getRefusal(input: unknown, command: 'addSource' | 'renameDestination' = 'addSource'): string {
  const { error } = commands[command].input.safeParse(input)
  if (error === undefined) throw new Error('It was accepted.')
  return englishWords(badInput(command, error).sentence)
}

test('command input: an invalid input is refused with a message that names the field and the reason', () => {
  expect(getRefusal({ path: '/data', prefix: 'x'.repeat(300) })).toBe(
    'prefix may have at most 255 characters. Nothing was changed.',
  )
  expect(getRefusal({ id: 'nas', name: '' }, 'renameDestination')).toBe(
    'name must not be empty. Nothing was changed.',
  )
  expect(getRefusal({ path: '/data', kind: 'other' })).toMatch(/cannot use its input: kind: Invalid option/)
  expect(getRefusal(7)).toMatch(/cannot use its input: Invalid input/)
})
