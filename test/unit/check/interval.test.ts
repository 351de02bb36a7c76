import { describe, expect, it } from 'vitest'
import { settingsSchema } from '../../../core/settings/schema.ts'

describe('check interval setting', () => {
  it.each([1, 10, 3_600])('accepts %d s', (intervalSeconds) => {
    expect(settingsSchema.safeParse({ check: { intervalSeconds } }).success).toBe(true)
  })

  it.each([0, -1, 0.5, 3_601, Number.NaN, '10', null])('rejects %j', (intervalSeconds) => {
    expect(settingsSchema.safeParse({ check: { intervalSeconds } }).success).toBe(false)
  })
})
