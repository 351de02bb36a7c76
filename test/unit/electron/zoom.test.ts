import { expect, it } from 'vitest'
import { zoomAfter } from '../../../electron/main/zoom.ts'

const pressed = (key: string, changes = {}) => ({
  type: 'keyDown' as const,
  key,
  control: true,
  meta: false,
  alt: false,
  ...changes,
})

it.each([
  ['+', 1, 1.5],
  ['=', 1, 1.5],
  ['-', 1, 0.5],
  ['0', 2.5, 0],
  ['+', 6, 6],
  ['-', -3.5, -3.5],
])('zoom: Ctrl %s at level %d gives level %d', (key, level, after) => {
  expect(zoomAfter(pressed(key), level)).toBe(after)
})

it('zoom: any other key does not change the level', () => {
  for (const input of [pressed('a'), pressed('+', { control: false }), pressed('+', { type: 'keyUp' })])
    expect(zoomAfter(input, 0)).toBeNull()
  expect(zoomAfter(pressed('-', { control: false, meta: true }), 0)).toBe(-0.5)
})
