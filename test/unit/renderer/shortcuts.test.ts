import { expect, test } from 'vitest'
import { findAction } from '../../../renderer/features/frame/use-shortcuts.ts'

const pressed = (key: string, changes = {}) =>
  findAction({ key, ctrlKey: true, metaKey: false, altKey: false, shiftKey: false, ...changes })

test('keyboard shortcuts: Ctrl or Command with a key, function keys and Escape alone have actions; others do not', () => {
  const withControl = ['w', 'Q', ',', 'f'].map((key) => pressed(key))
  expect(withControl).toEqual(['hideWindow', 'quit', 'settings', 'search'])
  expect(pressed('q', { ctrlKey: false, metaKey: true })).toBe('quit')
  expect(pressed('F5', { ctrlKey: false })).toBe('checkNow')
  expect(pressed('F1', { ctrlKey: false })).toBe('help')
  expect(pressed('Escape', { ctrlKey: false })).toBe('closeDialog')
  for (const other of [pressed('F5'), pressed('w', { ctrlKey: false }), pressed('w', { shiftKey: true })])
    expect(other).toBeNull()
})
