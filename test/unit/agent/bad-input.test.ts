import { expect, test } from 'vitest'
import { badInput } from '../../../core/agent/answering.ts'
import { commands } from '../../../core/agent/contract.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'

function getRefusal(input: unknown, command: 'addSource' | 'renameDestination' = 'addSource'): string {
  const { error } = commands[command].input.safeParse(input)
  if (error === undefined) throw new Error('It was accepted.')
  return englishWords(badInput(command, error).sentence)
}

test('input that cannot be used is refused in words, by what is wrong with it first', () => {
  expect(getRefusal({ path: '/data', prefix: 'x'.repeat(300) })).toBe(
    'prefix may have at most 255 characters. Nothing was changed.',
  )
  expect(getRefusal({ id: 'nas', name: '' }, 'renameDestination')).toBe(
    'name must not be empty. Nothing was changed.',
  )
  expect(getRefusal({ path: '/data', kind: 'other' })).toMatch(/cannot use its input: kind: Invalid option/)
  expect(getRefusal(7)).toMatch(/cannot use its input: Invalid input/)
})
