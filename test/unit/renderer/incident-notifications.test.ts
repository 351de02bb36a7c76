import { expect, test } from 'vitest'
import { findNews } from '../../../renderer/page/incident-notifications.tsx'
import { incident } from './fake-state.ts'

const announced = incident('a', { told: true, isSilent: false, endedAt: null })
const waiting = { ...announced, told: false }
const ended = { ...announced, endedAt: announced.startedAt + 1_000 }
const idsOf = (...states: Parameters<typeof findNews>) => findNews(...states).map(({ id }) => id)

test('browser notifications: an incident is new once it is announced, and its end is', () => {
  expect(idsOf([], [waiting])).toEqual([])
  expect(idsOf([waiting], [announced])).toEqual(['a'])
  expect(idsOf([announced], [announced])).toEqual([])
  expect(idsOf([announced], [{ ...announced, acknowledged: { at: 1, by: 'ada' } }])).toEqual([])
  expect(idsOf([announced], [ended])).toEqual(['a'])
  expect(idsOf([ended], [ended])).toEqual([])
})

test('browser notifications: an incident that began and ended unseen, flaps or was never announced is none', () => {
  expect(idsOf([], [ended])).toEqual([])
  expect(idsOf([waiting], [{ ...ended, told: false }])).toEqual([])
  expect(idsOf([], [{ ...announced, isSilent: true }])).toEqual([])
  expect(idsOf([announced], [])).toEqual([])
})
