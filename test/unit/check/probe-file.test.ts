import { describe, expect, it } from 'vitest'
import {
  isLeftOver,
  PROBE_FILE_PREFIX,
  returnProbeName,
  takeProbeName,
} from '../../../core/check/probes/probe-file.ts'

const HOUR_MS = 60 * 60 * 1000

describe('probe files', () => {
  it('have names of their own', () => {
    const names = Array.from({ length: 1_000 }, takeProbeName)
    expect(new Set(names).size).toBe(1_000)
    for (const name of names) {
      expect(name.startsWith(PROBE_FILE_PREFIX)).toBe(true)
      expect(isLeftOver(name, 2 * HOUR_MS)).toBe(false)
      returnProbeName(name)
      expect(isLeftOver(name, 0)).toBe(true)
    }
  })

  it('are left over when their process is gone, or a stranger’s is an hour old', () => {
    const own = takeProbeName()
    const [, space, , run] = /-probe-(\w+)-(\w+)-(\w+)-/.exec(own) ?? []
    const named = (pid: number | string, of = 'ffffffff', at = space) =>
      `${PROBE_FILE_PREFIX}${at}-${pid}-${of}-1`
    expect(isLeftOver(named(process.pid, run), 0)).toBe(true)
    expect(isLeftOver(named(process.pid), 0)).toBe(true)
    expect(isLeftOver(named(process.ppid), 0)).toBe(false)
    expect(isLeftOver(named(process.ppid), 2 * HOUR_MS)).toBe(true)
    expect(isLeftOver(named(4_194_305), 0)).toBe(true)
    expect(isLeftOver(named(1, 'ffffffff', '00000000'), HOUR_MS - 1)).toBe(false)
    expect(isLeftOver(named(1, 'ffffffff', '00000000'), HOUR_MS + 1)).toBe(true)
    expect(isLeftOver(`${PROBE_FILE_PREFIX}notes`, 9 * HOUR_MS)).toBe(false)
    expect(isLeftOver(named('12x'), 9 * HOUR_MS)).toBe(false)
    returnProbeName(own)
  })
})
