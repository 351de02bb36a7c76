import { expect } from 'vitest'
import type { Checked } from '../../../core/check/checker-messages.ts'
import { Checker, type CheckerConfig } from '../../../core/check/scheduler/checker.ts'
import { createConcurrencyLimit } from '../../../core/check/scheduler/timetable.ts'
import { defaultSettings } from '../../../core/settings/schema.ts'
import { createFakeClock, WALL_AT_START } from './clock.ts'
import { createFakeDisk } from './disk.ts'

/** A checker in the test's own process, with a clock and a disk of the test's, and a limit of checks that are out. */
export function setUpChecker(mostOut?: number) {
  const clock = createFakeClock()
  const disk = createFakeDisk(() => clock.now())
  const reports: { atMs: number; checked: Checked[] }[] = []
  const buffered: string[] = []
  const checker = new Checker({
    disk,
    limit: createConcurrencyLimit(undefined, mostOut),
    report: (checked) => reports.push({ atMs: clock.now(), checked }),
    buffered: (path) => buffered.push(path),
  })
  const configure = (paths: string[], changed: Partial<CheckerConfig> = {}) =>
    checker.configure({
      ...defaultSettings.check,
      intervalSeconds: 10,
      timeoutSeconds: 10,
      slowSeconds: 2,
      historyPath: null,
      diskHealth: false,
      knownMounts: {},
      paths: paths.map((path) => ({ id: path, path, probes: ['read'] })),
      ...changed,
    })
  /** [tick in milliseconds, kind] of every report of a path. */
  const told = (path: string) =>
    reports.flatMap(({ checked }) =>
      checked
        .filter(({ id }) => id === path)
        .map(({ at, overall }) => [at - WALL_AT_START, overall.kind] as const),
    )
  const begun = (path: string) => disk.begun.filter((check) => check.path === path).map(({ atMs }) => atMs)
  const out = (path: string) =>
    disk.begun.findLast((check) => check.path === path) ?? expect.fail(`${path}: none`)
  return { clock, disk, reports, buffered, checker, configure, told, begun, out }
}
